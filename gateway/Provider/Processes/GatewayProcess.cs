using System.Runtime.InteropServices;

namespace Connectors.Provider.Processes;

/// <summary>This process: closed to others of its user, functions among them, that would read its memory and environment.</summary>
internal static partial class GatewayProcess
{
    private const int SetDumpable = 4;

    /// <summary>Where its program lies.</summary>
    public static string Folder { get; } = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);

    /// <summary>Only root may trace it or read its environment from now on, and the runtime's diagnostic sockets are gone.</summary>
    public static void Close()
    {
        _ = Control(SetDumpable, 0, 0, 0, 0);
        foreach (var kind in new[] { "dotnet-diagnostic", "clr-debug-pipe" })
        {
            foreach (var path in Directory.EnumerateFileSystemEntries(Path.GetTempPath(), $"{kind}-{Environment.ProcessId}-*"))
            {
                Remove(path);
            }
        }
    }

    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (UnauthorizedAccessException)
        {
            // Left by a process of another user that had our id before.
        }
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nuint value, nuint third, nuint fourth, nuint fifth);
}
