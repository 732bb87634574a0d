using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Forwarding;

/// <summary>Header lines as an answer has them: by name.</summary>
internal static class HeaderLines
{
    /// <summary>Sets them, in place of what stands there under their names. Those of one name are set at once: one by one, each would copy all that came before it.</summary>
    /// <param name="answer">Where they go.</param>
    /// <param name="lines">The lines.</param>
    /// <param name="isMeant">Which of them.</param>
    public static void Set(IHeaderDictionary answer, List<Header> lines, Predicate<Header> isMeant)
    {
        foreach (var line in lines)
        {
            if (isMeant(line))
            {
                answer.Remove(line.Name);
            }
        }

        Dictionary<string, List<string>>? repeated = null;
        foreach (var line in lines)
        {
            if (!isMeant(line))
            {
                continue;
            }

            if (!answer.TryGetValue(line.Name, out var first))
            {
                answer[line.Name] = line.Value;
                continue;
            }

            repeated ??= new(StringComparer.OrdinalIgnoreCase);
            if (!repeated.TryGetValue(line.Name, out var all))
            {
                repeated[line.Name] = all = [first.ToString()];
            }

            all.Add(line.Value);
        }

        if (repeated is not null)
        {
            foreach (var (name, all) in repeated)
            {
                answer[name] = all.ToArray();
            }
        }
    }
}
