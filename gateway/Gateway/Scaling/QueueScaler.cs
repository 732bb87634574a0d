using System.Globalization;
using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Queues;
using Connectors.Gateway.Scaling.Keda;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Grpc.Core;

namespace Connectors.Gateway.Scaling;

/// <summary>
/// KEDA's external scaler. A trigger names a queue, and scales that queue's workers; if it names a function too, it scales that function by its share of the
/// queue. The metric is the number of calls that wait: running ones count for being active only.
/// </summary>
internal sealed class QueueScaler(QueueBacklog backlogs, NatsLink link, GatewayOptions options, StreamEnd streamEnd, TimeProvider time, ILogger<QueueScaler> log)
    : ExternalScaler.ExternalScalerBase
{
    private const string MetricName = "waiting-calls";
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    public override async Task<IsActiveResponse> IsActive(ScaledObjectRef request, ServerCallContext context)
    {
        var trigger = Trigger.Read(request, options);
        return new IsActiveResponse { Result = IsNeeded(trigger, await BacklogAsync(trigger, context.CancellationToken)) };
    }

    /// <summary>Lasts until KEDA or the gateway ends; a look that fails changes nothing.</summary>
    public override async Task StreamIsActive(ScaledObjectRef request, IServerStreamWriter<IsActiveResponse> responseStream, ServerCallContext context)
    {
        var trigger = Trigger.Read(request, options);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, streamEnd.Token);
        bool? told = null;
        var isBlind = false;
        while (!end.IsCancellationRequested)
        {
            try
            {
                var isNeeded = IsNeeded(trigger, await BacklogAsync(trigger, end.Token));
                isBlind = false;
                if (isNeeded != told)
                {
                    await responseStream.WriteAsync(new IsActiveResponse { Result = isNeeded }, end.Token);
                    told = isNeeded;
                }
            }
            catch (RpcException) when (isBlind)
            {
                // Still.
            }
            catch (RpcException fault)
            {
                isBlind = true;
                Log.ScalerBlind(log, trigger.Queue, fault.Status.Detail);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(Look, time, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public override Task<GetMetricSpecResponse> GetMetricSpec(ScaledObjectRef request, ServerCallContext context)
    {
        var trigger = Trigger.Read(request, options);
        var spec = new MetricSpec { MetricName = MetricName, TargetSize = (long)Math.Ceiling(trigger.Threshold), TargetSizeFloat = trigger.Threshold };
        return Task.FromResult(new GetMetricSpecResponse { MetricSpecs = { spec } });
    }

    public override async Task<GetMetricsResponse> GetMetrics(GetMetricsRequest request, ServerCallContext context)
    {
        var trigger = Trigger.Read(request.ScaledObjectRef ?? new ScaledObjectRef(), options);
        var backlog = await BacklogAsync(trigger, context.CancellationToken);
        var waiting = trigger.Function is { } function ? backlog.WaitingOf(function) : backlog.Waiting;
        var name = request.MetricName.Length > 0 ? request.MetricName : MetricName;
        return new GetMetricsResponse { MetricValues = { new MetricValue { MetricName = name, MetricValue_ = waiting, MetricValueFloat = waiting } } };
    }

    private static bool IsNeeded(Trigger trigger, Backlog backlog) => trigger.Function is { } function ? backlog.Needs(function) : backlog.IsOpen;

    // KEDA keeps the replicas as they are, or takes the trigger's fallback, while it gets no number.
    private async Task<Backlog> BacklogAsync(Trigger trigger, CancellationToken ct)
    {
        if (!options.Queue.Nats.IsSet)
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, QueueOptions.Off));
        }

        try
        {
            return await backlogs.OfAsync(trigger.Queue, ct);
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, link.IsOpen ? $"queue {trigger.Queue} could not be looked at: {fault.Message}" : $"NATS is away: {link.Trouble}"));
        }
    }
}

/// <summary>What a trigger's metadata asks for.</summary>
/// <param name="Queue">The queue: <c>queueName</c>, or the gateway's own.</param>
/// <param name="Function">As <c>name.namespace</c>, of <c>functionName</c>; null for the whole queue.</param>
/// <param name="Threshold">Waiting calls for each replica: <c>threshold</c>.</param>
internal sealed record Trigger(string Queue, string? Function, double Threshold)
{
    private const double DefaultThreshold = 100;
    private const double MaxThreshold = 1_000_000_000;

    public static Trigger Read(ScaledObjectRef scaled, GatewayOptions options)
    {
        var queue = Value("queueName") ?? options.Queue.DefaultQueue;
        if (!StreamNames.QueueName().IsMatch(queue))
        {
            throw Refused("queueName", queue, StreamNames.QueueRule);
        }

        FunctionName? function = Value("functionName") is { } name ? FunctionName.Parse(name, options.DefaultNamespace) : null;
        if (function is not (null or { IsValid: true, IsShort: true }))
        {
            throw Refused("functionName", Value("functionName")!, $"a function's name, with or without .namespace, neither longer than {FunctionName.MaxQueuedLength} characters");
        }

        var threshold = DefaultThreshold;
        if (Value("threshold") is { } text && (!double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out threshold) || threshold is not (> 0 and <= MaxThreshold)))
        {
            throw Refused("threshold", text, "a number above 0, at most a billion");
        }

        return new Trigger(queue, function?.ToString(), threshold);

        string? Value(string key) => scaled.ScalerMetadata.TryGetValue(key, out var value) && value.Trim() is { Length: > 0 } given ? given : null;
    }

    private static RpcException Refused(string key, string value, string allowed) =>
        new(new Status(StatusCode.InvalidArgument, $"{key}: \"{value}\" is not valid; allowed: {allowed}"));
}
