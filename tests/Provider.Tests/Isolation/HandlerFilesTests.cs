using Connectors.Provider.Isolation;
using Connectors.Testing;

namespace Connectors.Provider.Tests.Isolation;

/// <summary>Files that a function brings along, whatever lies in their directory.</summary>
public sealed class HandlerFilesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("handler-").FullName;
    private readonly string _from;
    private readonly string _data;
    private readonly string _to;

    public HandlerFilesTests()
    {
        _from = Directory.CreateDirectory(Path.Combine(_root, "from")).FullName;
        _data = Directory.CreateDirectory(Path.Combine(_from, "data")).FullName;
        _to = Directory.CreateDirectory(Path.Combine(_data, "work", "fn")).FullName;
        Write("main.py", "main");
        Write("lib/part.py", "part");
        Directory.CreateDirectory(Path.Combine(_data, "secrets"));
        File.WriteAllText(Path.Combine(_data, "secrets", "token"), "secret");
    }

    [Fact]
    public void A_directory_that_holds_the_gateways_data_is_copied_once_and_without_it()
    {
        Copy();
        Copy();

        Assert.Equal(["lib", "lib/part.py", "main.py"], Copied());
        Assert.Equal("part", File.ReadAllText(Path.Combine(_to, "lib/part.py")));
    }

    [Fact]
    public void Links_inside_the_directory_stay_links_even_in_a_circle()
    {
        File.CreateSymbolicLink(Path.Combine(_from, "lib/up"), "..");
        File.CreateSymbolicLink(Path.Combine(_from, "again"), Path.Combine(_from, "lib"));
        File.CreateSymbolicLink(Path.Combine(_from, "entry.py"), "lib/part.py");

        Copy();

        Assert.Equal("..", new FileInfo(Path.Combine(_to, "lib/up")).LinkTarget);
        Assert.Equal("lib", new FileInfo(Path.Combine(_to, "again")).LinkTarget);
        Assert.Equal("lib/part.py", new FileInfo(Path.Combine(_to, "entry.py")).LinkTarget);
        Assert.Equal("part", File.ReadAllText(Path.Combine(_to, "again/part.py")));
    }

    [Fact]
    public void What_a_link_to_elsewhere_names_is_copied()
    {
        var shared = Directory.CreateDirectory(Path.Combine(_root, "shared")).FullName;
        File.WriteAllText(Path.Combine(shared, "common.py"), "common");
        File.CreateSymbolicLink(Path.Combine(_from, "shared"), shared);
        File.CreateSymbolicLink(Path.Combine(_from, "one.py"), Path.Combine(shared, "common.py"));

        Copy();

        Assert.Equal("common", File.ReadAllText(Path.Combine(_to, "shared/common.py")));
        Assert.Null(new FileInfo(Path.Combine(_to, "one.py")).LinkTarget);
    }

    [Theory]
    [InlineData("dangling", "nowhere")]
    [InlineData("self", "self")]
    [InlineData("above", "../..")]
    [InlineData("token", "data/secrets/token")]
    [InlineData("data-again", "data")]
    public void A_link_that_cannot_be_followed_is_told_by_name_and_nothing_is_copied(string name, string target)
    {
        File.CreateSymbolicLink(Path.Combine(_from, name), target);

        var fault = Assert.Throws<IOException>(Copy);

        Assert.Contains(name, fault.Message, StringComparison.Ordinal);
        Assert.Empty(Copied());
    }

    [Fact]
    public async Task Pipes_are_left_out()
    {
        await using (var made = ChildProcess.Start("mkfifo", [Path.Combine(_from, "pipe")]))
        {
            Assert.Equal(0, await made.ExitAsync());
        }

        Copy();

        Assert.Equal(["lib", "lib/part.py", "main.py"], Copied());
    }

    [Fact]
    public void A_directory_and_a_file_may_change_places()
    {
        Copy();
        File.Delete(Path.Combine(_from, "main.py"));
        Write("main.py/inner", "x");
        Directory.Delete(Path.Combine(_from, "lib"), recursive: true);
        Write("lib", "file");

        Copy();

        Assert.Equal(["lib", "main.py", "main.py/inner"], Copied());
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private void Copy() => HandlerFiles.Find(_from, _to, [_data]).Copy(owner: null);

    private IEnumerable<string> Copied() =>
        Directory.EnumerateFileSystemEntries(_to, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(_to, path)).Order(StringComparer.Ordinal);

    private void Write(string name, string text)
    {
        var path = Path.Combine(_from, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
