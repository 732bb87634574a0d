using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Connectors.Provider.Processes;

namespace Connectors.Provider.State;

/// <summary>
/// Files that a kill at any moment leaves whole: written beside their place, flushed, and moved into it. What was answered with success is in
/// place; what was being written is the old file or the new one.
/// </summary>
internal static class StateFile
{
    private const string Unfinished = ".new";

    public static async Task WriteAsync(
        string path, ReadOnlyMemory<byte> content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite, int? owner = null)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Delete(path + Unfinished);
        await using (var file = new FileStream(path + Unfinished, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = mode }))
        {
            await file.WriteAsync(content);
            file.Flush(flushToDisk: true);
        }

        if (owner is { } user)
        {
            UserIds.Give(path + Unfinished, user);
        }

        File.Move(path + Unfinished, path, overwrite: true);
    }

    public static Task WriteJsonAsync<T>(string path, T value, JsonTypeInfo<T> type) => WriteAsync(path, JsonSerializer.SerializeToUtf8Bytes(value, type));

    /// <summary>Every finished file of a tree; unfinished ones are removed. Only at start, before anything writes.</summary>
    public static IReadOnlyList<string> Collect(string root)
    {
        Directory.CreateDirectory(root);
        var all = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).ToLookup(path => path.EndsWith(Unfinished, StringComparison.Ordinal));
        foreach (var left in all[true])
        {
            File.Delete(left);
        }

        return [.. all[false]];
    }
}
