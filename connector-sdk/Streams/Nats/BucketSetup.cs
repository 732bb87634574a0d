using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;

namespace Connectors.Streams.Nats;

/// <summary>Opens buckets.</summary>
internal static class BucketSetup
{
    /// <summary>What the server says where there is no such stream.</summary>
    public const int NoSuchStream = 10059;

    // A server that keeps us from a change by its permissions does so without a word, and whoever opens the bucket or writes to it has not long.
    private static readonly TimeSpan ChangeLimit = TimeSpan.FromSeconds(1);

    /// <summary>A bucket, made if nobody did yet. One that is there keeps its settings, which are its operator's business, but for what <see cref="BringInLineAsync"/> changes.</summary>
    public static async Task<INatsKVStore> OpenAsync(NatsLink link, BucketShape shape, CancellationToken ct)
    {
        try
        {
            return await CreateAsync(link, shape, ct);
        }
        catch (NatsJSApiException fault)
        {
            // There is one, made otherwise; or none can be made, and that is said in the server's own words.
            if (await FindAsync(link, shape, ct) is not null)
            {
                return await link.Buckets.GetStoreAsync(shape.Name, ct);
            }

            // Better without a limit than not at all.
            if (shape.MaxBytes > 0 && RequiredLimit.IsNoRoom(fault))
            {
                return await OpenAsync(link, shape with { MaxBytes = 0 }, ct);
            }

            if (shape.MaxBytes == 0 && fault.Error.ErrCode == RequiredLimit.IsMissing)
            {
                var (bounded, maxBytes) = await RequiredLimit.MakeAsync(limit => CreateAsync(link, shape with { MaxBytes = limit }, ct));
                Log.BucketBounded(link.Logger, shape.Name, maxBytes);
                return bounded;
            }

            throw;
        }
    }

    /// <summary>
    /// Brings a bucket that is there onto more servers, for whoever raises that option does so for what is there already, and to a limit where there is none. It is
    /// usable without: too few servers are there, or too little room, perhaps for now.
    /// </summary>
    /// <param name="link">The connection.</param>
    /// <param name="shape">What it should be like.</param>
    /// <param name="told">What was refused at the last try, which is not said again.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>What was refused now.</returns>
    public static async Task<BucketRefusal> BringInLineAsync(NatsLink link, BucketShape shape, BucketRefusal told, TimeProvider time, CancellationToken ct)
    {
        if (await FindAsync(link, shape, ct) is not { Config: var config, State: var state })
        {
            return BucketRefusal.None;
        }

        using var limit = new TimeLimit(ChangeLimit, time, ct);
        string? replicas = null, maxBytes = null;
        if (config.NumReplicas < shape.Replicas)
        {
            var raised = config with { NumReplicas = shape.Replicas };
            replicas = await ChangeAsync(link, raised, limit);
            if (replicas is null)
            {
                Log.BucketRaised(link.Logger, shape.Name, shape.Replicas);
                config = raised;
            }
            else if (replicas != told.Replicas)
            {
                Log.BucketNotRaised(link.Logger, shape.Name, shape.Replicas, replicas);
            }
        }

        if (shape.MaxBytes > 0 && config.MaxBytes <= 0)
        {
            // Old servers would delete its oldest entries down to the limit.
            maxBytes = state.Bytes >= shape.MaxBytes ? "it holds as much already" : await ChangeAsync(link, config with { MaxBytes = shape.MaxBytes }, limit);
            if (maxBytes is null)
            {
                Log.BucketBounded(link.Logger, shape.Name, shape.MaxBytes);
            }
            else if (maxBytes != told.MaxBytes)
            {
                Log.BucketNotBounded(link.Logger, shape.Name, shape.MaxBytes, maxBytes);
            }
        }

        return new BucketRefusal(replicas, maxBytes);
    }

    /// <summary>Whether entries may have an age of their own: the server is told to heed it, if it can and does not yet. Null if it does not say.</summary>
    public static async Task<bool?> HeedsAgesAsync(NatsLink link, BucketShape shape, TimeProvider time, CancellationToken ct)
    {
        if (!shape.HasOwnAges || !NatsServerVersion.HasMessageAges(link.ServerVersion))
        {
            return false;
        }

        using var limit = new TimeLimit(ChangeLimit, time, ct);
        try
        {
            // Once it does it does for good, whoever asked for it; what other servers of a cluster make of it is in their answer.
            return await FindAsync(link, shape, limit.Token) is { Config: var found }
                && (found.AllowMsgTTL || (await link.JetStream.UpdateStreamAsync(found with { AllowMsgTTL = true }, limit.Token)).Info.Config.AllowMsgTTL);
        }
        catch (NatsException fault)
        {
            Log.BucketWithoutAges(link.Logger, shape.Name, fault.Message);
            return fault is NatsJSApiException ? false : null;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            Log.BucketWithoutAges(link.Logger, shape.Name, "no answer in time");
            return null;
        }
    }

    /// <summary>The stream of a bucket; null for none.</summary>
    public static async Task<StreamInfo?> FindAsync(NatsLink link, BucketShape shape, CancellationToken ct)
    {
        try
        {
            return (await link.JetStream.GetStreamAsync(StreamNames.BucketStream(shape.Name), cancellationToken: ct)).Info;
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == NoSuchStream)
        {
            return null;
        }
    }

    private static async Task<INatsKVStore> CreateAsync(NatsLink link, BucketShape shape, CancellationToken ct) => await link.Buckets.CreateStoreAsync(
        new NatsKVConfig(shape.Name)
        {
            History = 1,
            MaxAge = shape.MaxAge,
            MaxBytes = shape.MaxBytes,
            NumberOfReplicas = shape.Replicas,
            Storage = shape.Storage == StreamStorage.File ? NatsKVStorageType.File : NatsKVStorageType.Memory,
        },
        ct);

    // Null if it is done; otherwise why not.
    private static async Task<string?> ChangeAsync(NatsLink link, StreamConfig changed, TimeLimit limit)
    {
        try
        {
            await link.JetStream.UpdateStreamAsync(changed, limit.Token);
            return null;
        }
        catch (Exception fault) when (fault is NatsException || (fault is OperationCanceledException && limit.IsOver))
        {
            return StreamChange.Reason(fault);
        }
    }
}

/// <summary>What a server refused of a bucket's shape, in its own words; null for what it did not.</summary>
internal sealed record BucketRefusal(string? Replicas, string? MaxBytes)
{
    /// <summary>Nothing: the bucket is in line.</summary>
    public static readonly BucketRefusal None = new(null, null);
}
