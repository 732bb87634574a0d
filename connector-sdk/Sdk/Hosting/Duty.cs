using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Hosting;

/// <summary>
/// Something that a service does in the background for as long as it runs. It is registered by <see cref="Duties.AddDuty"/>, which begins it anew,
/// after a growing delay, whenever it ends or throws. Only a <see cref="ConfigurationException"/> ends the process, with exit code 2.
/// </summary>
public interface IDuty
{
    /// <summary>
    /// Runs until <paramref name="stoppingToken"/> is cancelled. With nothing more to do it waits for that. One that failed, and has not been begun anew when the
    /// service stops, is begun with a token that is cancelled already: what it left running may be brought to its end.
    /// </summary>
    /// <param name="stoppingToken">The service stops. What runs may be brought to its end within the grace period.</param>
    Task RunAsync(CancellationToken stoppingToken);
}

/// <summary>Registers duties.</summary>
public static class Duties
{
    /// <summary>Adds a duty. Duties are begun in the order in which they were added, and stopped in reverse, those that drain first.</summary>
    /// <param name="services">The service's parts.</param>
    /// <param name="name">What <c>/readyz</c>, the log and <c>service_duty_restarts_total</c> call it: for example <c>topic map</c>.</param>
    /// <param name="drains">
    /// Whether it brings work to its end when the service stops. Such a duty is stopped before all else, the web server too: meanwhile <c>/metrics</c> shows what
    /// becomes of that work, and <c>/readyz</c> says no. An endpoint of the service's own is open until then, too: it has to refuse what comes once
    /// <c>IHostApplicationLifetime.ApplicationStopping</c> is cancelled.
    /// </param>
    public static IServiceCollection AddDuty<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TDuty>(
        this IServiceCollection services, string name, bool drains = false)
        where TDuty : class, IDuty
    {
        services.TryAddSingleton<TDuty>();
        return services.AddSingleton<IHostedService>(all => new DutySupervisor(
            name,
            all.GetRequiredService<TDuty>(),
            drains,
            all.GetRequiredService<Readiness>(),
            all.GetRequiredService<TimeProvider>(),
            all.GetRequiredService<ILogger<TDuty>>()));
    }
}

/// <summary>Runs a duty, and begins it anew when it ends before the service does; meanwhile the service is not ready.</summary>
internal sealed class DutySupervisor(string name, IDuty duty, bool drains, Readiness readiness, TimeProvider time, ILogger log)
    : BackgroundService, IHostedLifecycleService
{
    private static readonly TimeSpan MinDelay = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(30);

    /// <summary>Runs before anything else stops.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (drains)
        {
            readiness.Lost("draining", "the service stops");
            await StopAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var delay = MinDelay; ; delay = delay * 2 < MaxDelay ? delay * 2 : MaxDelay)
        {
            var begun = time.GetTimestamp();
            var fault = await EndAsync(stoppingToken);
            if (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            delay = time.GetElapsedTime(begun) > MaxDelay ? MinDelay : delay;
            ServiceMetrics.DutyRestarted(name);
            Log.DutyEnded(log, name, delay, fault);
            readiness.Lost(Condition, "it ended and is begun anew");
            await Task.Delay(delay, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested)
            {
                await EndAsync(stoppingToken);
                return;
            }

            readiness.Met(Condition);
        }
    }

    // A condition of its own: the duty may have announced one by its bare name, about what it does.
    private string Condition => $"duty {name}";

    private async Task<Exception?> EndAsync(CancellationToken stoppingToken)
    {
        try
        {
            await duty.RunAsync(stoppingToken);
            return null;
        }
        catch (Exception fault) when (fault is not ConfigurationException)
        {
            return fault;
        }
    }
}
