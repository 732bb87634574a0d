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
    // Names of functions, namespaces and secrets begin with a letter or digit: an unfinished file's name is nobody's. Each write has its own, and
    // they are short, so that every name that a file system takes can be written.
    private const string Unfinished = ".unfinished-";

    public static async Task WriteAsync(
        string path, ReadOnlyMemory<byte> content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite, int? owner = null)
    {
        var folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder);
        var unfinished = Path.Combine(folder, $"{Unfinished}{Guid.NewGuid():N}");
        try
        {
            await using (var file = new FileStream(unfinished, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = mode }))
            {
                await file.WriteAsync(content);
                file.Flush(flushToDisk: true);
            }

            if (owner is { } user)
            {
                UserIds.Give(unfinished, user);
            }

            File.Move(unfinished, path, overwrite: true);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }

    /// <exception cref="JsonException">It holds something else, or null.</exception>
    public static T ReadJson<T>(string path, JsonTypeInfo<T> type)
        where T : class
    {
        using var file = File.OpenRead(path);
        return JsonSerializer.Deserialize(file, type) ?? throw new JsonException("It holds nothing.");
    }

    public static Task WriteJsonAsync<T>(string path, T value, JsonTypeInfo<T> type) => WriteAsync(path, JsonSerializer.SerializeToUtf8Bytes(value, type));

    /// <summary>Every finished file of a tree; unfinished ones are removed. Only at start, before anything writes.</summary>
    public static IReadOnlyList<string> Collect(string root)
    {
        Directory.CreateDirectory(root);
        var all = Directory.EnumerateFiles(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .ToLookup(path => Path.GetFileName(path).StartsWith(Unfinished, StringComparison.Ordinal));
        foreach (var left in all[true])
        {
            File.Delete(left);
        }

        return [.. all[false]];
    }
}
