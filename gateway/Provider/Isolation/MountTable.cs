using System.Text;

namespace Connectors.Provider.Isolation;

/// <summary>What a function's processes see in place of the gateway's files, in the format of fstab.</summary>
internal static class MountTable
{
    // Nobody else's: over a directory on which something of that name is mounted already mount passes, and says nothing. WSL calls its own "none".
    private const string Cover = "connectors";

    /// <param name="readOnly">A directory in which they may change nothing; null for none.</param>
    /// <param name="hidden">Directories that are empty for them and files that hold nothing.</param>
    /// <param name="folder">The function's directory, which file descriptor 3 holds open.</param>
    /// <param name="secrets">Its secrets, which file descriptor 4 holds open; null for none.</param>
    public static string Of(string? readOnly, IEnumerable<string> hidden, string folder, string? secrets)
    {
        var table = new StringBuilder();
        if (readOnly is not null)
        {
            // With the mounts below it: the kernel lets nobody but root uncover what is below a mount.
            table.Append($"{Escaped(readOnly)} {Escaped(readOnly)} none rbind,ro,nosuid,nodev 0 0\n");
        }

        foreach (var path in hidden)
        {
            table.Append(File.Exists(path) ? $"/dev/null {Escaped(path)} none bind 0 0\n" : $"{Cover} {Escaped(path)} tmpfs nosuid,nodev,size=64k,mode=0755 0 0\n");
        }

        table.Append($"/proc/self/fd/3 {Escaped(folder)} none bind,X-mount.mkdir 0 0\n");
        if (secrets is not null)
        {
            table.Append($"/proc/self/fd/4 {Escaped(secrets)} none bind,X-mount.mkdir 0 0\n");
        }

        return table.ToString();
    }

    private static string Escaped(string path) =>
        path.Replace("\\", @"\134", StringComparison.Ordinal).Replace(" ", @"\040", StringComparison.Ordinal).Replace("\t", @"\011", StringComparison.Ordinal)
            .Replace("\n", @"\012", StringComparison.Ordinal).Replace("#", @"\043", StringComparison.Ordinal);
}
