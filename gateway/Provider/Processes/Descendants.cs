using System.Globalization;
using System.Text;

namespace Connectors.Provider.Processes;

/// <summary>Who came from processes, as the kernel lists them: their sessions, children of children, and whoever carries their marks.</summary>
internal static class Descendants
{
    /// <summary>The variable whose value is the mark: only a process and its children have it.</summary>
    public const string Variable = "CONNECTORS_RUN";

    private const string Zombie = "Z";

    // The kernel's own threads have no session.
    private const int NoSession = 0;

    private static readonly byte[] Prefix = Encoding.ASCII.GetBytes($"{Variable}=");

    /// <summary>Looks once through all that runs here.</summary>
    /// <param name="roots">Marks, each with its process, which is also the session of that number; 0 for a process that is gone.</param>
    /// <returns>Those who came from each, without itself, by its mark.</returns>
    public static ILookup<string, int> Of(IReadOnlyCollection<(string Mark, int Root)> roots)
    {
        var marks = roots.Select(root => root.Mark).ToHashSet(StringComparer.Ordinal);
        var found = new Dictionary<int, string>();
        foreach (var (mark, root) in roots.Where(root => root.Root != 0))
        {
            found[root] = mark;
        }

        var itself = found.Keys.ToHashSet();
        var all = Directory.EnumerateDirectories("/proc").Select(Read).OfType<Member>().ToList();
        foreach (var member in all.Where(member => !itself.Contains(member.Id)))
        {
            if (itself.Contains(member.Session))
            {
                found[member.Id] = found[member.Session];
            }
            else if (member.Session != NoSession && MarkOf(member.Id) is { } mark && marks.Contains(mark))
            {
                found[member.Id] = mark;
            }
        }

        var children = all.ToLookup(member => member.Parent);
        for (var next = new Queue<int>(found.Keys); next.TryDequeue(out var parent);)
        {
            foreach (var child in children[parent])
            {
                if (found.TryAdd(child.Id, found[parent]))
                {
                    next.Enqueue(child.Id);
                }
            }
        }

        return found.Where(one => !itself.Contains(one.Key)).ToLookup(one => one.Value, one => one.Key);
    }

    private static string? MarkOf(int id)
    {
        try
        {
            for (ReadOnlySpan<byte> rest = File.ReadAllBytes($"/proc/{id}/environ"); !rest.IsEmpty;)
            {
                var end = rest.IndexOf((byte)0);
                var variable = end < 0 ? rest : rest[..end];
                if (variable.StartsWith(Prefix))
                {
                    return Encoding.ASCII.GetString(variable[Prefix.Length..]);
                }

                rest = end < 0 ? [] : rest[(end + 1)..];
            }

            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // Gone meanwhile, or somebody else's.
            return null;
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
