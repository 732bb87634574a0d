namespace Connectors.Sdk.Hosting;

/// <summary>A secret on disk, white space around it removed, read again when the file changes. Its value is never logged.</summary>
public sealed class SecretFile(string path)
{
    // What .NET says of a file that is not there.
    private const int NotThere = -1;

    private volatile Content _content = new("", DateTime.MinValue, 0);

    /// <summary>Where the secret is expected.</summary>
    public string Path => path;

    /// <summary>The current value; null while there is no such file or it is empty.</summary>
    /// <exception cref="IOException">It is there and cannot be read, whatever the reason.</exception>
    public string? Value
    {
        get
        {
            try
            {
                return Read();
            }
            catch (UnauthorizedAccessException fault)
            {
                throw new IOException($"{path} may not be read", fault);
            }
        }
    }

    /// <summary>Whether there is such a file, and it can be read and is not empty.</summary>
    public bool CanBeRead() => Fault() is null && Value is not null;

    /// <summary>Why it cannot be read, in words; null if it can, or is not there.</summary>
    public string? Fault()
    {
        try
        {
            _ = Value;
            return null;
        }
        catch (IOException fault)
        {
            return fault.GetBaseException().Message;
        }
    }

    private string? Read()
    {
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            // A folder in its place, or above it one that may not be searched, is no missing file. The latter throws here.
            return (int)file.Attributes == NotThere ? null : throw new IOException($"{path} is a folder");
        }

        // Kubernetes mounts a secret as a link to a link, and rotates it by turning the inner one.
        var real = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
        if ((real.LastWriteTimeUtc, real.Length) != (_content.Written, _content.Length))
        {
            _content = new Content(File.ReadAllText(path).Trim(), real.LastWriteTimeUtc, real.Length);
        }

        return _content.Text.Length == 0 ? null : _content.Text;
    }

    private sealed record Content(string Text, DateTime Written, long Length);
}
