using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Connectors.Streams.Records;

/// <summary>What whoever reads a record may count on, whoever wrote it.</summary>
internal static class RecordRules
{
    // As far as groups of delayed calls are numbered (the year 2286), with room to count on from there.
    private static readonly DateTimeOffset Latest = DateTimeOffset.FromUnixTimeMilliseconds(9_999_999_999_000);

    /// <summary>A time; one that is further ahead than anything waits for counts as the last that can be counted on from.</summary>
    public static DateTimeOffset Time(DateTimeOffset time) => time > Latest ? Latest : time;

    /// <summary>The same for one that may be missing.</summary>
    public static DateTimeOffset? Time(DateTimeOffset? time) => time > Latest ? Latest : time;

    /// <summary>A list without gaps.</summary>
    /// <exception cref="ArgumentException">One of its entries is null: the record is none.</exception>
    [return: NotNullIfNotNull(nameof(list))]
    public static IReadOnlyList<T>? List<T>(IReadOnlyList<T>? list, [CallerMemberName] string property = "")
        where T : class
    {
        for (var i = 0; list is not null && i < list.Count; i++)
        {
            if (list[i] is null)
            {
                throw new ArgumentException($"{property} has an entry that is null");
            }
        }

        return list;
    }
}
