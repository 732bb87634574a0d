namespace Connectors.Kafka.Tests;

/// <summary>A directory of files with secrets, gone with the test.</summary>
internal sealed class SecretFiles : IDisposable
{
    public SecretFiles(params (string Name, string Content)[] files)
    {
        foreach (var (name, content) in files)
        {
            File.WriteAllText(Path(name), content);
        }
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("secrets-").FullName;

    public string Path(string name) => System.IO.Path.Combine(Folder, name);

    /// <summary>Puts another file in the place of one, as a whole: one that is just being written is cut short for a moment, which would be a change of its own.</summary>
    public void Replace(string name, string content)
    {
        File.WriteAllText(Path("next"), content);
        File.Move(Path("next"), Path(name), overwrite: true);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
