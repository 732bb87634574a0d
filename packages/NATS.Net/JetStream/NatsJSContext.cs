using System.Runtime.CompilerServices;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

public class NatsJSContext : INatsJSContext
{
    private readonly StreamPublisher _publisher;

    public NatsJSContext(INatsConnection connection)
        : this(connection, new NatsJSOpts(connection.Opts))
    {
    }

    public NatsJSContext(INatsConnection connection, NatsJSOpts opts)
    {
        Connection = connection;
        Opts = opts;
        _publisher = new StreamPublisher(connection);
    }

    public INatsConnection Connection { get; }

    public NatsJSOpts Opts { get; }

    internal SubscriptionTable Subscriptions => ((NatsConnection)Connection).Subscriptions;

    public ValueTask<PubAckResponse> PublishAsync<T>(string subject, T? data, INatsSerialize<T>? serializer = default, NatsJSPubOpts? opts = default, NatsHeaders? headers = default, CancellationToken cancellationToken = default) =>
        _publisher.PublishAsync(subject, data, serializer, opts, headers, cancellationToken);

    public async ValueTask<NatsResult<PubAckResponse>> TryPublishAsync<T>(string subject, T? data, INatsSerialize<T>? serializer = default, NatsJSPubOpts? opts = default, NatsHeaders? headers = default, CancellationToken cancellationToken = default)
    {
        try
        {
            return await _publisher.PublishAsync(subject, data, serializer, opts, headers, cancellationToken).ConfigureAwait(false);
        }
        catch (NatsException exception)
        {
            return exception;
        }
    }

    public ValueTask<AccountInfoResponse> GetAccountInfoAsync(CancellationToken cancellationToken = default) =>
        JSRequestResponseAsync<object, AccountInfoResponse>($"{Opts.Prefix}.INFO", request: null, cancellationToken);

    public async ValueTask<INatsJSStream> CreateStreamAsync(StreamConfig config, CancellationToken cancellationToken = default) =>
        new NatsJSStream(this, await StreamRequestAsync("CREATE", config, cancellationToken).ConfigureAwait(false));

    public async ValueTask<NatsJSStream> UpdateStreamAsync(StreamConfig request, CancellationToken cancellationToken = default) =>
        new NatsJSStream(this, await StreamRequestAsync("UPDATE", request, cancellationToken).ConfigureAwait(false));

    public async ValueTask<INatsJSStream> CreateOrUpdateStreamAsync(StreamConfig config, CancellationToken cancellationToken = default)
    {
        try
        {
            return await UpdateStreamAsync(config, cancellationToken).ConfigureAwait(false);
        }
        catch (NatsJSApiException exception) when (exception.Error.Code == 404)
        {
            return await CreateStreamAsync(config, cancellationToken).ConfigureAwait(false);
        }
    }

    public async ValueTask<INatsJSStream> GetStreamAsync(string stream, StreamInfoRequest? request = null, CancellationToken cancellationToken = default)
    {
        Names.CheckStream(stream);
        return new NatsJSStream(this, await StreamInfoAsync(stream, request, cancellationToken).ConfigureAwait(false));
    }

    public async ValueTask<bool> DeleteStreamAsync(string stream, CancellationToken cancellationToken = default)
    {
        Names.CheckStream(stream);
        var response = await JSRequestResponseAsync<object, SuccessResponse>($"{Opts.Prefix}.STREAM.DELETE.{stream}", request: null, cancellationToken).ConfigureAwait(false);
        return response.Success;
    }

    public ValueTask<StreamPurgeResponse> PurgeStreamAsync(string stream, StreamPurgeRequest request, CancellationToken cancellationToken = default)
    {
        Names.CheckStream(stream);
        return JSRequestResponseAsync<StreamPurgeRequest, StreamPurgeResponse>($"{Opts.Prefix}.STREAM.PURGE.{stream}", request, cancellationToken);
    }

    public ValueTask<StreamMsgDeleteResponse> DeleteMessageAsync(string stream, StreamMsgDeleteRequest request, CancellationToken cancellationToken = default)
    {
        Names.CheckStream(stream);
        return JSRequestResponseAsync<StreamMsgDeleteRequest, StreamMsgDeleteResponse>($"{Opts.Prefix}.STREAM.MSG.DELETE.{stream}", request, cancellationToken);
    }

    public async IAsyncEnumerable<INatsJSStream> ListStreamsAsync(string? subject = default, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var offset = 0;
        while (true)
        {
            var page = await JSRequestResponseAsync<ListRequest, StreamPage>($"{Opts.Prefix}.STREAM.LIST", new ListRequest(offset, subject), cancellationToken).ConfigureAwait(false);
            foreach (var info in page.Streams ?? [])
                yield return new NatsJSStream(this, info);
            offset += page.Streams?.Length ?? 0;
            if (offset >= page.Total || page.Streams is not { Length: > 0 })
                yield break;
        }
    }

    public IAsyncEnumerable<string> ListStreamNamesAsync(string? subject = default, CancellationToken cancellationToken = default) =>
        NamesAsync($"{Opts.Prefix}.STREAM.NAMES", subject, page => page.Streams, cancellationToken);

    public ValueTask<INatsJSConsumer> CreateOrUpdateConsumerAsync(string stream, ConsumerConfig config, CancellationToken cancellationToken = default) =>
        ConsumerRequestAsync(stream, config, action: null, cancellationToken);

    public ValueTask<INatsJSConsumer> CreateConsumerAsync(string stream, ConsumerConfig config, CancellationToken cancellationToken = default) =>
        ConsumerRequestAsync(stream, config, "create", cancellationToken);

    public ValueTask<INatsJSConsumer> UpdateConsumerAsync(string stream, ConsumerConfig config, CancellationToken cancellationToken = default) =>
        ConsumerRequestAsync(stream, config, "update", cancellationToken);

    public async ValueTask<INatsJSConsumer> GetConsumerAsync(string stream, string consumer, CancellationToken cancellationToken = default)
    {
        Names.CheckStream(stream);
        Names.CheckConsumer(consumer);
        return new NatsJSConsumer(this, await ConsumerInfoAsync(stream, consumer, cancellationToken).ConfigureAwait(false));
    }

    public async ValueTask<bool> DeleteConsumerAsync(string stream, string consumer, CancellationToken cancellationToken = default)
    {
        Names.CheckStream(stream);
        Names.CheckConsumer(consumer);
        var response = await JSRequestResponseAsync<object, SuccessResponse>($"{Opts.Prefix}.CONSUMER.DELETE.{stream}.{consumer}", request: null, cancellationToken).ConfigureAwait(false);
        return response.Success;
    }

    public async IAsyncEnumerable<INatsJSConsumer> ListConsumersAsync(string stream, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        Names.CheckStream(stream);
        var offset = 0;
        while (true)
        {
            var page = await JSRequestResponseAsync<ListRequest, ConsumerPage>($"{Opts.Prefix}.CONSUMER.LIST.{stream}", new ListRequest(offset, null), cancellationToken).ConfigureAwait(false);
            foreach (var info in page.Consumers ?? [])
                yield return new NatsJSConsumer(this, info);
            offset += page.Consumers?.Length ?? 0;
            if (offset >= page.Total || page.Consumers is not { Length: > 0 })
                yield break;
        }
    }

    public IAsyncEnumerable<string> ListConsumerNamesAsync(string stream, CancellationToken cancellationToken = default)
    {
        Names.CheckStream(stream);
        return NamesAsync($"{Opts.Prefix}.CONSUMER.NAMES.{stream}", subject: null, page => page.Consumers, cancellationToken);
    }

    public string NewBaseInbox() => Connection.NewInbox();

    public async ValueTask<TResponse> JSRequestResponseAsync<TRequest, TResponse>(string subject, TRequest? request, CancellationToken cancellationToken = default)
        where TRequest : class
        where TResponse : class
    {
        NatsMsg<ApiResponse<TResponse>> reply;
        try
        {
            reply = await Connection.RequestAsync(
                subject,
                request,
                requestSerializer: JsonApiSerializer<TRequest>.Default,
                replySerializer: ApiResponseDeserializer<TResponse>.Default,
                replyOpts: new NatsSubOpts { Timeout = Opts.RequestTimeout },
                cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (NatsNoReplyException)
        {
            throw new NatsJSApiNoResponseException(NatsSubEndReason.Timeout);
        }
        catch (NatsNoRespondersException)
        {
            throw new NatsJSApiNoResponseException();
        }

        reply.EnsureSuccess();
        return reply.Data switch
        {
            { Error: { } error } => throw new NatsJSApiException(error),
            { Value: { } value } => value,
            _ => throw new NatsJSException("No response data received"),
        };
    }

    internal ValueTask<ConsumerInfo> ConsumerInfoAsync(string stream, string consumer, CancellationToken cancellationToken) =>
        JSRequestResponseAsync<object, ConsumerInfo>($"{Opts.Prefix}.CONSUMER.INFO.{stream}.{consumer}", request: null, cancellationToken);

    internal async ValueTask<StreamInfo> StreamInfoAsync(string stream, StreamInfoRequest? request, CancellationToken cancellationToken)
    {
        request ??= new StreamInfoRequest();
        var subject = $"{Opts.Prefix}.STREAM.INFO.{stream}";
        var page = await JSRequestResponseAsync<StreamInfoRequest, StreamInfoPage>(subject, request, cancellationToken).ConfigureAwait(false);
        var subjects = page.State.Subjects;
        if (subjects is null)
            return page;

        // The server gives the counts in pages of 100,000 subjects.
        while (request.Offset + subjects.Count < page.Total && page.State.Subjects is { Count: > 0 })
        {
            page = await JSRequestResponseAsync<StreamInfoRequest, StreamInfoPage>(subject, request with { Offset = request.Offset + subjects.Count }, cancellationToken).ConfigureAwait(false);
            foreach (var (name, count) in page.State.Subjects ?? new Dictionary<string, long>())
                subjects[name] = count;
        }

        page.State.Subjects = subjects;
        return page;
    }

    private ValueTask<StreamInfo> StreamRequestAsync(string action, StreamConfig config, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(config);
        Names.CheckStream(config.Name);
        return JSRequestResponseAsync<StreamConfig, StreamInfo>($"{Opts.Prefix}.STREAM.{action}.{config.Name}", config, cancellationToken);
    }

    private async ValueTask<INatsJSConsumer> ConsumerRequestAsync(string stream, ConsumerConfig config, string? action, CancellationToken cancellationToken)
    {
        Names.CheckStream(stream);
        ArgumentNullException.ThrowIfNull(config);
        var name = string.IsNullOrEmpty(config.Name) ? config.DurableName : config.Name;
        var subject = $"{Opts.Prefix}.CONSUMER.CREATE.{stream}";
        if (!string.IsNullOrEmpty(name))
        {
            Names.CheckConsumer(name);
            subject = string.IsNullOrEmpty(config.FilterSubject) ? $"{subject}.{name}" : $"{subject}.{name}.{config.FilterSubject}";
            config = config with { Name = name };
        }

        var info = await JSRequestResponseAsync<ConsumerRequest, ConsumerInfo>(subject, new ConsumerRequest(stream, config, action), cancellationToken).ConfigureAwait(false);
        return new NatsJSConsumer(this, info);
    }

    private async IAsyncEnumerable<string> NamesAsync(string api, string? subject, Func<NamesPage, string[]?> names, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var offset = 0;
        while (true)
        {
            var page = await JSRequestResponseAsync<ListRequest, NamesPage>(api, new ListRequest(offset, subject), cancellationToken).ConfigureAwait(false);
            var found = names(page) ?? [];
            foreach (var name in found)
                yield return name;
            offset += found.Length;
            if (offset >= page.Total || found.Length == 0)
                yield break;
        }
    }
}
