using System.Globalization;

namespace Connectors.Provider.Processes;

/// <summary>Who came from a process, as the kernel lists them: its session, children of children, and whoever carries its mark.</summary>
internal static class Descendants
{
    private const string Zombie = "Z";

    /// <param name="root">The process, or the session of that number.</param>
    /// <param name="mark">A variable, as <c>NAME=value</c>, that only it and its children have.</param>
    public static IReadOnlyList<int> Of(int root, string mark)
    {
        var all = Directory.EnumerateDirectories("/proc").Select(Read).OfType<Member>().ToList();
        var found = all.Where(m => m.Session == root || HasMark(m.Id, mark)).Select(m => m.Id).Append(root).ToHashSet();
        while (all.FirstOrDefault(m => !found.Contains(m.Id) && found.Contains(m.Parent)) is { } next)
        {
            found.Add(next.Id);
        }

        found.Remove(root);
        return [.. found];
    }

    private static bool HasMark(int id, string mark)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/environ").Split('\0').Contains(mark);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // Gone meanwhile, or somebody else's.
            return false;
        }
    }

    private static Member? Read(string folder)
    {
        if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return null;
        }

        try
        {
            // After the name, which stands in parentheses: state, parent, group, session.
            var text = File.ReadAllText(Path.Combine(folder, "stat"));
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] == Zombie ? null : new Member(id, int.Parse(fields[1], CultureInfo.InvariantCulture), int.Parse(fields[3], CultureInfo.InvariantCulture));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or FormatException)
        {
            // Gone meanwhile.
            return null;
        }
    }

    private sealed record Member(int Id, int Parent, int Session);
}
