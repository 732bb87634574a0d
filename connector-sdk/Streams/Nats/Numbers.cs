using System.Collections.Concurrent;
using Connectors.Sdk.Hosting;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>
/// Whether the numbers of messages still mean what they meant when these were delivered. An ack, a nak and a renewal name their message by its number alone, and a
/// stream that was made anew, or has lost its end with its server's power, gives numbers out a second time.
/// </summary>
/// <remarks>
/// So each delivery knows the <see cref="Numbering"/> in which it came. While that holds, nothing is asked. A new one begins with another server process, with
/// another stream of the name, and with a consumer that was deleted, perhaps with its stream; then the stream's leader says whether the message is still there:
/// <code>
/// power cut                      the stream ends with 100; 101 was delivered, and runs here
/// it fails                       its retry copy gets the number 101, and is delivered
/// its ack                        message 101 was stored at another time: not sent, for it would remove the copy
/// </code>
/// </remarks>
internal sealed class Numbers(NatsLink link, TimeProvider time)
{
    private const int NoMessage = 10037;

    // For how long a stream's leader is waited for.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // For how long a leader may still lack what the last one stored, from when it was first met, and how often it is asked meanwhile.
    private static readonly TimeSpan CatchUp = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    // When each stream was made that was looked at.
    private readonly ConcurrentDictionary<string, DateTimeOffset> _made = new();
    private volatile Numbering _now = new("");

    /// <summary>Called for each message of which nothing is sent any more, for its number means another, or none.</summary>
    public Action? Lost { get; set; }

    /// <summary>The numbering that holds.</summary>
    public Numbering Now
    {
        get
        {
            while (true)
            {
                var (now, server) = (_now, Server);
                if (now.Server == server)
                {
                    return now;
                }

                Interlocked.CompareExchange(ref _now, new Numbering(server), now);
            }
        }
    }

    // Each start of a server has an id of its own.
    private string Server => link.Connection.ServerInfo?.Id ?? "";

    /// <summary>Something was seen after which numbers may mean other messages.</summary>
    public void Doubt() => _now = new Numbering(Server);

    /// <summary>A stream was looked at.</summary>
    public void Saw(string stream, DateTimeOffset made) => _made[stream] = made;

    /// <summary>Looks at a stream, and says whether it is the one that was looked at last.</summary>
    /// <exception cref="NatsException">Nobody tells.</exception>
    public async Task<bool> IsSameAsync(string stream)
    {
        try
        {
            var made = (await LookAsync(stream)).Info.Created;
            var isSame = _made.GetValueOrDefault(stream, made) == made;
            Saw(stream, made);
            return isSame;
        }
        catch (NatsJSApiException missing) when (missing.IsNotFound())
        {
            return false;
        }
        catch (Exception fault)
        {
            throw Untold(stream, fault);
        }
    }

    /// <summary>Whether a number still means the message that was delivered under it, by the word of the stream's leader.</summary>
    /// <param name="place">Where the message stood.</param>
    /// <param name="subject">Its subject.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="NatsException">Nobody tells.</exception>
    public async Task<bool> MeansAsync(MessagePlace place, string subject, CancellationToken ct)
    {
        if (!link.IsOpen)
        {
            throw new NatsException($"NATS is away: {link.Trouble}");
        }

        using var limit = new TimeLimit(Patience, time, ct);
        try
        {
            // The time of a delivery is told in milliseconds here.
            var found = await FindAsync(await FollowedAsync(place, limit.Token), place.Sequence, limit.Token);
            return found is not null && found.Subject == subject && found.Time.ToUnixTimeMilliseconds() == place.Stored.ToUnixTimeMilliseconds();
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            throw Untold(place.Stream, fault);
        }
    }

    /// <summary>Tells of a message of which nothing is sent any more, for its number does not mean it.</summary>
    public void TellLost(MessagePlace place, string subject)
    {
        Log.MessageLost(link.Logger, place.Stream, place.Sequence, subject);
        Lost?.Invoke();
    }

    // The stream by the word of a leader that is followed, and has had the time to catch up.
    private async Task<INatsJSStream> FollowedAsync(MessagePlace place, CancellationToken ct)
    {
        while (true)
        {
            var stream = await LookAsync(place.Stream).WaitAsync(ct);
            var (cluster, isReplicated) = (stream.Info.Cluster, stream.Info.Config.NumReplicas > 1);
            if (!Quorum.Follows(cluster))
            {
                throw new NatsException("its leader is not followed");
            }

            if (!isReplicated
                || stream.Info.State.LastSeq >= place.Sequence
                || time.GetElapsedTime(Now.MetLeader(place.Stream, cluster?.Leader ?? "", time.GetTimestamp())) >= CatchUp)
            {
                return stream;
            }

            await Task.Delay(Pause, time, ct);
        }
    }

    // All deliveries ask at once after a new connection, some thousand with several workers: of one stream one look is under way, and they wait for that.
    private Task<INatsJSStream> LookAsync(string stream) => Now.LookAsync(stream, async () =>
    {
        // Not under the lock.
        await Task.Yield();
        using var limit = new TimeLimit(Patience, time);
        return await link.JetStream.GetStreamAsync(stream, cancellationToken: limit.Token);
    });

    private async Task<StoredMessage?> FindAsync(INatsJSStream stream, ulong sequence, CancellationToken ct)
    {
        try
        {
            return await link.AskLeaderAsync(stream, new StreamMsgGetRequest { Seq = sequence }, ct);
        }
        catch (NatsJSApiException none) when (none.Error.ErrCode == NoMessage)
        {
            return null;
        }
    }

    private static NatsException Untold(string stream, Exception fault) =>
        new($"it is not known whether {stream} is still the same: {(fault is OperationCanceledException ? "no answer in time" : fault.Message)}", fault);
}

/// <summary>As long as this one holds, a number means one message. The same only if it is the same object.</summary>
/// <param name="server">The server process that delivers.</param>
internal sealed class Numbering(string server)
{
    // Guards what was seen of streams meanwhile.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Task<INatsJSStream>> _looks = [];
    private readonly Dictionary<string, (string Name, long Met)> _leaders = [];

    public string Server => server;

    /// <summary>The look at a stream that is under way, or one that begins.</summary>
    public Task<INatsJSStream> LookAsync(string stream, Func<Task<INatsJSStream>> look)
    {
        lock (_lock)
        {
            if (!_looks.TryGetValue(stream, out var last) || last.IsCompleted)
            {
                _looks[stream] = last = look();
            }

            return last;
        }
    }

    /// <summary>A stream's leader was met.</summary>
    /// <returns>When it was met first, as a timestamp.</returns>
    public long MetLeader(string stream, string name, long now)
    {
        lock (_lock)
        {
            if (!_leaders.TryGetValue(stream, out var last) || last.Name != name)
            {
                _leaders[stream] = last = (name, now);
            }

            return last.Met;
        }
    }
}
