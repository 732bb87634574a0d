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

    private static readonly TimeSpan AgesLimit = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A bucket, made if nobody did yet. One that is there keeps its settings, which are its operator's business; only onto more servers it is brought, for
    /// whoever raises that option does so for what is there already.
    /// </summary>
    public static async Task<INatsKVStore> OpenAsync(NatsLink link, BucketShape shape, CancellationToken ct)
    {
        try
        {
            return await link.Buckets.CreateStoreAsync(
                new NatsKVConfig(shape.Name)
                {
                    History = 1,
                    MaxAge = shape.MaxAge,
                    NumberOfReplicas = shape.Replicas,
                    Storage = shape.Storage == StreamStorage.File ? NatsKVStorageType.File : NatsKVStorageType.Memory,
                },
                ct);
        }
        catch (NatsJSApiException)
        {
            // There is one, made otherwise; or none can be made, and that is said in the server's own words.
            if (await FindAsync(link, shape, ct) is not { Config: var found })
            {
                throw;
            }

            if (found.NumReplicas < shape.Replicas)
            {
                await RaiseAsync(link, shape, found, ct);
            }

            return await link.Buckets.GetStoreAsync(shape.Name, ct);
        }
    }

    /// <summary>Whether entries may have an age of their own: the server is told to heed it, if it can and does not yet. Null if it does not say.</summary>
    public static async Task<bool?> HeedsAgesAsync(NatsLink link, BucketShape shape, TimeProvider time, CancellationToken ct)
    {
        if (!shape.HasOwnAges || !NatsServerVersion.HasMessageAges(link.ServerVersion))
        {
            return false;
        }

        // A server that keeps us from it by its permissions does so without a word, and the write for whose sake this is done has not long.
        using var limit = new TimeLimit(AgesLimit, time, ct);
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
            return (await link.JetStream.GetStreamAsync($"KV_{shape.Name}", cancellationToken: ct)).Info;
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == NoSuchStream)
        {
            return null;
        }
    }

    private static async Task RaiseAsync(NatsLink link, BucketShape shape, StreamConfig found, CancellationToken ct)
    {
        try
        {
            await link.JetStream.UpdateStreamAsync(found with { NumReplicas = shape.Replicas }, ct);
            Log.BucketRaised(link.Logger, shape.Name, shape.Replicas);
        }
        catch (NatsJSApiException fault)
        {
            // Too few servers, perhaps for now: it is usable as it is, and the next opening tries again.
            Log.BucketNotRaised(link.Logger, shape.Name, shape.Replicas, fault.Error.Description);
        }
    }
}
