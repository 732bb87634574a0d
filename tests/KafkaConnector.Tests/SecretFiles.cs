namespace Connectors.Kafka.Tests;

/// <summary>A directory of files with secrets, gone with the test.</summary>
internal sealed class SecretFiles : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("secrets-").FullName;

    public SecretFiles(params (string Name, string Content)[] files)
    {
        foreach (var (name, content) in files)
        {
            File.WriteAllText(Path(name), content);
        }
    }

    public string Path(string name) => System.IO.Path.Combine(_directory, name);

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
