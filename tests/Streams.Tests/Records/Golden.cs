namespace Connectors.Streams.Tests.Records;

/// <summary>Header values kept as files: what is in a stream outlives the code that wrote it.</summary>
internal static class Golden
{
    public static string Read(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Records", "golden", name + ".json")).TrimEnd('\n');
}
