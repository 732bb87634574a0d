namespace Cronos;

/// <summary>Which fields an expression has.</summary>
[Flags]
public enum CronFormat
{
    /// <summary>Five: minute, hour, day of month, month, day of week.</summary>
    Standard = 0,

    /// <summary>Six: a second before those five.</summary>
    IncludeSeconds = 1,
}
