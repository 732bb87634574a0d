namespace Connectors.Architecture.Tests;

/// <summary>A file that outgrows its idea is two files.</summary>
public class FileLengthTests
{
    [Theory]
    [InlineData("tests", 350)]
    [InlineData("", 350)]
    public void No_file_is_longer_than_can_be_read_at_once(string below, int most)
    {
        var tooLong = from file in Repository.Files("*.cs")
                      where Area(file) == below
                      let lines = File.ReadLines(file).Count()
                      where lines > most
                      select $"{Path.GetRelativePath(Repository.Root, file)}: {lines} lines, at most {most}";

        Assert.Empty(tooLong);
    }

    private static string Area(string file)
    {
        var top = Path.GetRelativePath(Repository.Root, file).Split(Path.DirectorySeparatorChar)[0];
        return top == "tests" ? top : "";
    }
}
