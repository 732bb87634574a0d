namespace NATS.Client.Core;

/// <summary>A <c>.creds</c> file: a user's JWT and the seed of its key, each between lines of dashes.</summary>
internal static class CredsFile
{
    public static (string Jwt, string Seed) Read(string path)
    {
        var lines = File.ReadAllLines(path);
        return (Section(lines, "NATS USER JWT", path), Section(lines, "USER NKEY SEED", path));
    }

    /// <summary>A file with a user's seed and its public key, each on a line of its own.</summary>
    public static (string Seed, string PublicKey) ReadNkey(string path)
    {
        var lines = File.ReadLines(path).Select(line => line.Trim()).ToList();
        return (
            lines.Find(line => line.StartsWith("SU", StringComparison.Ordinal)) ?? throw new NatsException($"No seed in {path}"),
            lines.Find(line => line.StartsWith('U')) ?? throw new NatsException($"No public key in {path}"));
    }

    private static string Section(string[] lines, string title, string path)
    {
        var begin = Array.FindIndex(lines, line => line.StartsWith("---", StringComparison.Ordinal) && line.Contains($"BEGIN {title}", StringComparison.Ordinal));
        if (begin >= 0 && begin + 1 < lines.Length)
            return lines[begin + 1].Trim();
        throw new NatsException($"No {title} in {path}");
    }
}
