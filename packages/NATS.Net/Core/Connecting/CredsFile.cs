namespace NATS.Client.Core;

/// <summary>A <c>.creds</c> file: a user's JWT and the seed of its key, each between lines of dashes.</summary>
internal static class CredsFile
{
    public static (string Jwt, string Seed) Read(string path)
    {
        var lines = File.ReadAllLines(path);
        return (Section(lines, "NATS USER JWT", path), Section(lines, "USER NKEY SEED", path));
    }

    /// <summary>A file with a seed, alone on its line or between lines of dashes.</summary>
    public static string ReadSeed(string path) =>
        File.ReadLines(path).Select(line => line.Trim()).FirstOrDefault(line => line.StartsWith('S'))
        ?? throw new NatsException($"No seed in {path}");

    private static string Section(string[] lines, string title, string path)
    {
        var begin = Array.FindIndex(lines, line => line.StartsWith("---", StringComparison.Ordinal) && line.Contains($"BEGIN {title}", StringComparison.Ordinal));
        if (begin >= 0 && begin + 1 < lines.Length)
            return lines[begin + 1].Trim();
        throw new NatsException($"No {title} in {path}");
    }
}
