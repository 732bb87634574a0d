namespace Connectors.Cli.Api;

/// <summary>Addresses in the gateway's API.</summary>
internal static class ApiPath
{
    public const string All = "/system/queues";

    public const string Overview = "/system/overview";

    public const string Calls = "/system/calls";

    public const string Cancellations = Calls + "/cancellations";

    public static string Of(string queue) => $"{All}/{queue}";

    public static string WaitingCalls(string queue) => $"{Of(queue)}/calls";

    public static string Dead(string queue, ulong seq) => $"{All}/{queue}/dead/{seq}";

    public static string Redrives(string queue) => $"{Of(queue)}/redrives";

    public static string Redrive(string queue, string id) => $"{Redrives(queue)}/{id}";

    public static string Call(string callId) => $"/async-function/{Uri.EscapeDataString(callId)}";

    /// <summary>Names and values; those without a value are left out.</summary>
    public static string Query(params (string Name, string? Value)[] parts)
    {
        var given = parts.Where(p => p.Value is not null).Select(p => $"{p.Name}={Uri.EscapeDataString(p.Value!)}").ToList();
        return given.Count == 0 ? "" : "?" + string.Join('&', given);
    }
}
