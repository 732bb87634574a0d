using System.Globalization;

namespace Connectors.Testing;

/// <summary>
/// The wall clock of a process of its own, to be set while that runs (libfaketime). The process's other clock, which counts from its start, goes on as ever.
/// </summary>
public sealed class SettableClock : IDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("clock");

    /// <summary>A clock that is right.</summary>
    public SettableClock() => Set(TimeSpan.Zero);

    /// <summary>What the process has to be started with.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["LD_PRELOAD"] = Tools.Path("faketime"),
        ["FAKETIME_TIMESTAMP_FILE"] = Difference,
        ["FAKETIME_CACHE_DURATION"] = "1",
        ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",

        // With it, waits on the other clock are over at once, and .NET's timers spin.
        ["FAKETIME_FORCE_MONOTONIC_FIX"] = "0",
        ["NO_FAKE_STAT"] = "1",
    };

    private string Difference => Path.Combine(_home.FullName, "difference");

    /// <summary>Has it differ from the machine's, within a second.</summary>
    public void Set(TimeSpan ahead)
    {
        var next = Difference + ".next";
        File.WriteAllText(next, ahead.TotalSeconds.ToString("+0;-0", CultureInfo.InvariantCulture));
        File.Move(next, Difference, overwrite: true);
    }

    /// <summary>Ends its use, after the process's end.</summary>
    public void Dispose()
    {
        _home.Delete(recursive: true);

        // What libfaketime shares with a process's children stays when that is killed.
        foreach (var left in Directory.EnumerateFiles("/dev/shm", "*faketime_*").Where(file => !Directory.Exists($"/proc/{file.Split('_')[^1]}")))
        {
            File.Delete(left);
        }
    }
}
