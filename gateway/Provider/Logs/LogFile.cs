using System.Text.Json;
using Connectors.Provider.Contracts;

namespace Connectors.Provider.Logs;

/// <summary>Reads a file of log lines.</summary>
internal static class LogFile
{
    /// <summary>Every whole line; a gateway that was killed may have left half of one.</summary>
    public static IEnumerable<LogMessage> Read(string path)
    {
        if (!File.Exists(path))
        {
            yield break;
        }

        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var lines = new StreamReader(file);
        while (lines.ReadLine() is { } line)
        {
            if (Parse(line) is { } message)
            {
                yield return message;
            }
        }
    }

    private static LogMessage? Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, ProviderJson.Default.LogMessage);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
