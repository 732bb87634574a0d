namespace Connectors.Sdk.Hosting;

/// <summary>A secret on disk, white space around it removed, read again when the file changes. Its value is never logged.</summary>
public sealed class SecretFile(string path)
{
    private volatile Content _content = new("", DateTime.MinValue, 0);

    /// <summary>Where the secret is expected.</summary>
    public string Path => path;

    /// <summary>The current value; null while there is no such file or it is empty.</summary>
    public string? Value
    {
        get
        {
            var file = new FileInfo(path);
            if (!file.Exists)
            {
                return null;
            }

            // Kubernetes mounts a secret as a link to a link, and rotates it by turning the inner one.
            var real = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
            if ((real.LastWriteTimeUtc, real.Length) != (_content.Written, _content.Length))
            {
                _content = new Content(File.ReadAllText(path).Trim(), real.LastWriteTimeUtc, real.Length);
            }

            return _content.Text.Length == 0 ? null : _content.Text;
        }
    }

    /// <summary>Whether there is such a file, and it can be read and is not empty.</summary>
    public bool CanBeRead()
    {
        try
        {
            return Value is not null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private sealed record Content(string Text, DateTime Written, long Length);
}
