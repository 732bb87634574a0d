using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace Connectors.Sdk.Hosting;

/// <summary>
/// Guards what we call but do not own and may repeat safely: three tries with jittered back-off, a time limit for each, and a circuit breaker whose state
/// is a metric. A call's own retries are never this: they are durable.
/// </summary>
public static class Guard
{
    // Enough failures to mean that the target is away, and a pause so short that its return is noticed at the next poll.
    private const int FailuresToOpen = 6;
    private static readonly TimeSpan Sampling = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan OpenFor = TimeSpan.FromSeconds(5);

    /// <summary>Creates a guard. It throws what the last try threw, or <see cref="BrokenCircuitException"/> while the circuit is open.</summary>
    /// <param name="target">What is guarded, as the metric's label.</param>
    /// <param name="timeout">Time limit of one try.</param>
    /// <param name="time">The clock.</param>
    public static ResiliencePipeline Create(string target, TimeSpan timeout, TimeProvider time) =>
        new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = 2,
                Delay = TimeSpan.FromMilliseconds(200),
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                ShouldHandle = args => ValueTask.FromResult(IsTransient(args.Outcome.Exception) && args.Outcome.Exception is not BrokenCircuitException),
            })
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions
            {
                FailureRatio = 1,
                MinimumThroughput = FailuresToOpen,
                SamplingDuration = Sampling,
                BreakDuration = OpenFor,
                ShouldHandle = args => ValueTask.FromResult(IsTransient(args.Outcome.Exception)),
                OnOpened = _ => Tell(target, isOpen: true),
                OnClosed = _ => Tell(target, isOpen: false),
            })
            .AddTimeout(timeout)
            .Build();

    private static bool IsTransient(Exception? fault) => fault is not null and not OperationCanceledException and not ConfigurationException;

    private static ValueTask Tell(string target, bool isOpen)
    {
        Metrics.Circuit(target, isOpen);
        return ValueTask.CompletedTask;
    }
}
