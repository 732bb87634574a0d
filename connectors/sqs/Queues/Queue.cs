using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.SecurityToken;
using Amazon.SQS;
using Amazon.SQS.Internal;
using Amazon.SQS.Model;
using Connectors.Sdk.Hosting;
using Polly;

namespace Connectors.Sqs.Queues;

/// <summary>One queue: the requests we make of it, guarded. The only part that knows the AWS SDK, with its neighbours here.</summary>
internal sealed class Queue : IDisposable
{
    /// <summary>The most entries of one request, as SQS has it.</summary>
    public const int BatchSize = 10;

    /// <summary>How long SQS hides a message from its receive on, however often that is renewed. What would go beyond is refused.</summary>
    public static readonly TimeSpan MaxHiding = TimeSpan.FromHours(12);

    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);

    private readonly AmazonSQSClient _client;
    private readonly ResiliencePipeline _receiving;
    private readonly ResiliencePipeline _deleting;
    private readonly ResiliencePipeline _hiding;
    private readonly int _visibilitySeconds;
    private readonly TimeProvider _time;

    // Where credentials come from a role or a web identity, the SDK makes these two by their names, and machine code has no type that nobody else names.
    // The SDK's own registry is no way out: what is registered there serves a web identity unsigned or a role of a file signed, never both.
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(AmazonSecurityTokenServiceClient))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(AmazonSecurityTokenServiceConfig))]
    public Queue(QueueAddress address, SqsOptions options, TimeProvider time)
    {
        (Address, _time) = (address, time);
        _visibilitySeconds = (int)options.VisibilityTimeout.TotalSeconds;
        _receiving = Guard.Create($"sqs receive {address.Name}", options.WaitTime + RequestTimeout, time);
        _deleting = Guard.Create($"sqs delete {address.Name}", RequestTimeout, time);
        _hiding = Guard.Create($"sqs hide {address.Name}", RequestTimeout, time);

        // One try more by the SDK itself, with which it corrects a wrong clock or an expired token; all other tries are the guards'. What the environment says of
        // FIPS and dual-stack endpoints (AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT) is for those that the SDK chooses: beside one that is given it fails.
        var config = new AmazonSQSConfig
        {
            ServiceURL = address.Endpoint.AbsoluteUri,
            AuthenticationRegion = address.Region,
            MaxErrorRetry = 1,
            UseFIPSEndpoint = false,
            UseDualstackEndpoint = false,
        };
        _client = new UncheckedClient(new GuardedCredentials(FileCredentials.Of(options.CredentialsFile)), config);
    }

    public QueueAddress Address { get; }

    /// <summary>Receives up to so many messages, waiting so long for the first.</summary>
    /// <param name="max">How many.</param>
    /// <param name="wait">How long; whole seconds.</param>
    /// <param name="stoppingToken">Sends no further request.</param>
    /// <param name="ct">Cuts the request that is under way. SQS does not notice: it goes on waiting, and hides what it would have sent.</param>
    public async Task<IReadOnlyList<QueueMessage>> ReceiveAsync(int max, TimeSpan wait, CancellationToken stoppingToken, CancellationToken ct)
    {
        var request = new ReceiveMessageRequest
        {
            QueueUrl = Address.Url,
            MaxNumberOfMessages = max,
            WaitTimeSeconds = (int)wait.TotalSeconds,
            VisibilityTimeout = _visibilitySeconds,
            MessageSystemAttributeNames = [MessageSystemAttributeName.All],
            MessageAttributeNames = ["All"],

            // A receive that is repeated under the same id brings the messages that the lost answer carried, instead of leaving their groups locked.
            ReceiveRequestAttemptId = Address.IsFifo ? Guid.NewGuid().ToString() : null,
        };
        var response = await _receiving.ExecuteAsync(
            async token =>
            {
                stoppingToken.ThrowIfCancellationRequested();
                return await _client.ReceiveMessageAsync(request, token);
            },
            ct);
        return [.. (response.Messages ?? []).Select(Read)];
    }

    /// <summary>Deletes up to ten messages. Returns what was not deleted.</summary>
    public async Task<IReadOnlyList<EntryFault>> DeleteAsync(IReadOnlyList<string> receipts, CancellationToken ct)
    {
        var entries = receipts.Select((receipt, i) => new DeleteMessageBatchRequestEntry { Id = Id(i), ReceiptHandle = receipt }).ToList();
        var response = await _deleting.ExecuteAsync(async token => await _client.DeleteMessageBatchAsync(Address.Url, entries, token), ct);
        return Read(response.Failed);
    }

    /// <summary>Hides up to ten messages for so long from now, whole seconds; zero shows them at once. Returns those whose time was not changed.</summary>
    /// <param name="messages">Which, and for how long.</param>
    /// <param name="isAsked">Whether the next try is to ask for one of them still, by its place: what became of it meanwhile may be worth more.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<IReadOnlyList<EntryFault>> HideAsync(IReadOnlyList<(string Receipt, TimeSpan Time)> messages, Func<int, bool> isAsked, CancellationToken ct)
    {
        var response = await _hiding.ExecuteAsync(
            async token =>
            {
                var entries = messages
                    .Select((m, i) => new ChangeMessageVisibilityBatchRequestEntry { Id = Id(i), ReceiptHandle = m.Receipt, VisibilityTimeout = (int)m.Time.TotalSeconds })
                    .Where((_, i) => isAsked(i))
                    .ToList();
                return entries.Count > 0 ? await _client.ChangeMessageVisibilityBatchAsync(Address.Url, entries, token) : new ChangeMessageVisibilityBatchResponse();
            },
            ct);
        return Read(response.Failed);
    }

    /// <summary>Whether messages that fail too often go elsewhere; null if that cannot be known.</summary>
    public async Task<bool?> HasRedrivePolicyAsync(CancellationToken ct)
    {
        using var limit = new TimeLimit(RequestTimeout, _time, ct);
        try
        {
            var response = await _client.GetQueueAttributesAsync(Address.Url, [QueueAttributeName.RedrivePolicy], limit.Token);
            return response.Attributes?.ContainsKey(QueueAttributeName.RedrivePolicy) ?? false;
        }
        catch (Exception) when (!ct.IsCancellationRequested)
        {
            // Reading attributes is a permission of its own, and needed for nothing else: no message waits long for an answer.
            return null;
        }
    }

    /// <summary>How many messages SQS says there are. It counts late: up to a minute after the last change.</summary>
    public async Task<QueueDepth> DepthAsync(CancellationToken ct)
    {
        using var limit = new TimeLimit(RequestTimeout, _time, ct);
        var attributes = (await _client.GetQueueAttributesAsync(Address.Url, QueueDepth.Attributes, limit.Token)).Attributes ?? [];
        return QueueDepth.Of(attributes);
    }

    public void Dispose() => _client.Dispose();

    private static string Id(int index) => index.ToString(CultureInfo.InvariantCulture);

    private static EntryFault[] Read(List<BatchResultErrorEntry>? failed) =>
        [.. (failed ?? []).Select(f => new EntryFault(int.Parse(f.Id, CultureInfo.InvariantCulture), f.Code, IsGone(f)))];

    // SQS tells of a receipt handle in several ways, and of a time that is too long in one of the same: only what it says besides tells the two apart.
    private static bool IsGone(BatchResultErrorEntry failed) => failed.Code?.Split('.')[^1] switch
    {
        "ReceiptHandleIsInvalid" or "MessageNotInflight" => true,
        "InvalidParameterValue" => failed.Message?.Contains("ReceiptHandle", StringComparison.OrdinalIgnoreCase) == true,
        _ => false,
    };

    private static QueueMessage Read(Message message) => new(
        message.MessageId,
        message.ReceiptHandle,
        message.Body ?? "",
        message.Attributes ?? [],
        (message.MessageAttributes ?? []).ToDictionary(
            a => a.Key,
            a => new QueueAttribute(a.Value.DataType ?? "", a.Value.StringValue ?? Convert.ToBase64String(a.Value.BinaryValue?.ToArray() ?? []))));
}

/// <summary>
/// The SDK's client without its check of MD5 sums: one message whose sum a server reckons otherwise would fail the receive of ten, again and again, until
/// all of them are dead letters that nobody ran. That bytes arrive as they were sent is for TLS to see to.
/// </summary>
internal sealed class UncheckedClient(AWSCredentials credentials, AmazonSQSConfig config) : AmazonSQSClient(credentials, config)
{
    protected override void CustomizeRuntimePipeline(RuntimePipeline pipeline)
    {
        base.CustomizeRuntimePipeline(pipeline);
        pipeline.RemoveHandler<ValidationResponseHandler>();
    }
}

/// <summary>How many messages a queue has, as SQS tells it.</summary>
/// <param name="Waiting">To be received.</param>
/// <param name="InFlight">Received, by us or others, and hidden for now.</param>
/// <param name="Delayed">Not to be received yet.</param>
internal sealed record QueueDepth(long Waiting, long InFlight, long Delayed)
{
    /// <summary>What to ask SQS for.</summary>
    public static List<string> Attributes =>
        [QueueAttributeName.ApproximateNumberOfMessages, QueueAttributeName.ApproximateNumberOfMessagesNotVisible, QueueAttributeName.ApproximateNumberOfMessagesDelayed];

    public static QueueDepth Of(IReadOnlyDictionary<string, string> attributes) => new(Count(attributes, 0), Count(attributes, 1), Count(attributes, 2));

    private static long Count(IReadOnlyDictionary<string, string> attributes, int index) =>
        long.TryParse(attributes.GetValueOrDefault(Attributes[index]), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;
}

/// <summary>An entry of a batch that SQS did not carry out.</summary>
/// <param name="Index">The entry's place in the batch.</param>
/// <param name="Code">SQS's word for it.</param>
/// <param name="IsGone">Whether trying again cannot help: the receipt handle is no longer good.</param>
internal sealed record EntryFault(int Index, string Code, bool IsGone);
