using System.Numerics;

namespace Cronos;

/// <summary>Sets of small numbers: bit n stands for n.</summary>
internal static class Bits
{
    public static ulong Of(int value) => 1UL << value;

    public static ulong Range(int first, int last) => (2UL << last) - (1UL << first);

    public static bool Has(ulong set, int value) => ((set >> value) & 1) != 0;

    public static int First(ulong set) => BitOperations.TrailingZeroCount(set);

    /// <summary>The smallest member that is at least <paramref name="from"/>, which is below 64.</summary>
    public static int? Next(ulong set, int from)
    {
        var left = set >> from;
        return left == 0 ? null : from + BitOperations.TrailingZeroCount(left);
    }

    public static IEnumerable<int> Members(ulong set)
    {
        for (; set != 0; set &= set - 1)
        {
            yield return First(set);
        }
    }
}
