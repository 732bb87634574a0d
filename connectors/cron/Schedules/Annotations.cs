namespace Connectors.Cron.Schedules;

/// <summary>The annotations that this connector reads; those after <see cref="Schedule"/> are ours.</summary>
internal static class Annotations
{
    /// <summary>The topic of functions with a schedule.</summary>
    public const string Topic = "cron-function";

    public const string Schedule = "schedule";

    /// <summary>Zone of schedules that name none.</summary>
    public const string Zone = "timezone";

    public const string Async = "com.openfaas.cron.async";

    /// <summary>The body of each call, as text.</summary>
    public const string Body = "com.openfaas.cron.body";

    public const string ContentType = "com.openfaas.cron.content_type";

    public const string CatchUp = "com.openfaas.cron.catch_up";

    public const string Jitter = "com.openfaas.cron.jitter";

    public const string Overlap = "com.openfaas.cron.overlap";
}
