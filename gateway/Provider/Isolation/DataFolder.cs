namespace Connectors.Provider.Isolation;

/// <summary>The directories below <c>data_path</c>: those of the gateway alone, and those in which every function has one of its own.</summary>
internal static class DataFolder
{
    private const UnixFileMode Ours = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Passage = Ours | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    public static void Make(string root)
    {
        Directory.CreateDirectory(root);
        foreach (var (name, mode) in new[] { ("functions", Ours), ("namespaces", Ours), ("secrets", Ours), ("logs", Ours), ("views", Ours), ("work", Passage), ("mounts", Passage) })
        {
            var path = Path.Combine(root, name);
            Directory.CreateDirectory(path);
            File.SetUnixFileMode(path, mode);
        }
    }
}
