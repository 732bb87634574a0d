using NATS.Client.JetStream;

namespace Connectors.Streams.Nats;

/// <summary>
/// The limit of a stream or a bucket that is to have none, in an account that takes no stream without one (<c>max_bytes_required</c>). Where it is reached, writes
/// are refused.
/// </summary>
internal static class RequiredLimit
{
    /// <summary>What the server says where it is missing.</summary>
    public const int IsMissing = 10113;

    // NATS sets the room aside, of an account that may not have much.
    private const long Usual = 64 * 1024 * 1024;
    private const long Least = 1024 * 1024;

    // No peers with room, too little of it in the account, in all, in memory, on the disk, and more than one stream of the account may have.
    private static readonly int[] NoRoomCodes = [10005, 10002, 10023, 10028, 10047, 10122];

    /// <summary>Whether the server says that there is not so much room.</summary>
    public static bool IsNoRoom(NatsJSApiException fault) => NoRoomCodes.Contains(fault.Error.ErrCode);

    /// <summary>Makes something with such a limit, with a small one where there is no room for the usual one.</summary>
    /// <param name="make">Makes it with that limit.</param>
    public static async Task<(T Made, long MaxBytes)> MakeAsync<T>(Func<long, Task<T>> make)
    {
        try
        {
            return (await make(Usual), Usual);
        }
        catch (NatsJSApiException fault) when (IsNoRoom(fault))
        {
            return (await make(Least), Least);
        }
    }
}
