namespace Connectors.Gateway.Tests;

/// <summary>The machine's processes.</summary>
internal static class Processes
{
    private static int _marks;

    /// <summary>Seconds to sleep, a good minute, that no other process on the machine has as its argument: none of this run, and none of another.</summary>
    public static string Mark() => $"61.{Environment.ProcessId:D7}{Interlocked.Increment(ref _marks):D2}";

    /// <summary>How many have an argument that ends with <paramref name="mark"/>.</summary>
    public static int With(string mark) => All.Count(folder => Read(folder, "cmdline").Contains($"{mark}\0", StringComparison.Ordinal));

    /// <summary>How many run a program with <paramref name="home"/> as their home.</summary>
    public static int In(string home, string program) =>
        All.Count(folder => Read(folder, "comm").TrimEnd() == program && Read(folder, "environ").Split('\0').Contains($"HOME={home}"));

    /// <summary>A process's resident memory.</summary>
    public static long ResidentBytes(int id) => long.Parse(Read($"/proc/{id}", "statm").Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) * Environment.SystemPageSize;

    private static IEnumerable<string> All => Directory.EnumerateDirectories("/proc").Where(folder => int.TryParse(Path.GetFileName(folder), out _));

    private static string Read(string folder, string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, file));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
