using Connectors.Sdk.Hosting;

namespace Connectors.Cron.Schedules;

/// <summary>
/// The zone of schedules that name none. The runtime takes a <c>TZ</c> that it does not know for UTC and says nothing; schedules would then come hours
/// away from what was meant, so it is refused here.
/// </summary>
internal static class MachineZone
{
    /// <summary>Whether this machine knows any zone but UTC.</summary>
    public static bool HasZones => TimeZoneInfo.GetSystemTimeZones().Count > 1;

    /// <summary>Reads <c>TZ</c>: a zone's name, with or without a colon before it, or the path of a zone file; the machine's own zone if it is not set.</summary>
    public static TimeZoneInfo Read(Settings settings)
    {
        var given = settings.Text("TZ", "", "Time zone of schedules that name none, such as Europe/Berlin; the machine's if it is not set");
        var name = given.TrimStart(':');
        if (name.Length == 0 || (Path.IsPathRooted(name) && File.Exists(name)))
        {
            return TimeZoneInfo.Local;
        }

        if (TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone))
        {
            return zone;
        }

        settings.Fault(
            "TZ", HasZones ? "a time zone by its name, such as Europe/Berlin or UTC" : "UTC, for this machine has no time zone data (the package tzdata, or the directory that TZDIR names)");
        return TimeZoneInfo.Utc;
    }
}
