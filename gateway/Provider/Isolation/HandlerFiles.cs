using Connectors.Provider.Processes;

namespace Connectors.Provider.Isolation;

/// <summary>Files that a function brings along. Its directory is its own, so whatever lies there may be a link to anywhere: links are replaced, never followed.</summary>
internal static class HandlerFiles
{
    /// <summary>Copies a directory's files into a function's, whose processes must not run meanwhile.</summary>
    /// <param name="from">The directory to copy.</param>
    /// <param name="to">The function's directory.</param>
    /// <param name="owner">Who is to own the copies; null for the gateway's user.</param>
    public static void Copy(string from, string to, int? owner)
    {
        foreach (var folder in Directory.EnumerateDirectories(from))
        {
            var copy = Path.Combine(to, Path.GetFileName(folder));
            if (File.Exists(copy) || new DirectoryInfo(copy).LinkTarget is not null)
            {
                File.Delete(copy);
            }

            Directory.CreateDirectory(copy);
            Give(copy, owner);
            Copy(folder, copy, owner);
        }

        foreach (var file in Directory.EnumerateFiles(from))
        {
            var copy = Path.Combine(to, Path.GetFileName(file));
            File.Delete(copy);
            File.Copy(file, copy, overwrite: false);
            Give(copy, owner);
        }
    }

    private static void Give(string path, int? owner)
    {
        if (owner is { } user)
        {
            UserIds.Give(path, user);
        }
    }
}
