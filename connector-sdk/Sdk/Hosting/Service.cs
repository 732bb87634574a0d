using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Hosting;

/// <summary>The host that every service of the suite runs in: listeners, logs, health, drain.</summary>
public static class Service
{
    /// <summary>A builder with logging, the clock, randomness, readiness, gateway credentials and the listeners of <paramref name="options"/>.</summary>
    public static WebApplicationBuilder CreateBuilder(ServiceOptions options)
    {
        // docs/metrics.md tells all that a service exposes.
        Prometheus.Metrics.SuppressDefaultMetrics();

        // The format that is served has no exemplars: looking for a trace with each count would be for nobody.
        Prometheus.Metrics.DefaultFactory.ExemplarBehavior = Prometheus.ExemplarBehavior.NoExemplars();
        ServiceMetrics.Started(TimeProvider.System.GetUtcNow());

        // Options are read once: nobody need watch files for them.
        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.AddServiceLogging(options);
        builder.AddTracing(options.Name);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(Randomness.Source);
        builder.Services.AddSingleton<Readiness>();
        builder.Services.AddSingleton(new GatewayCredentials(options.SecretMountPath));
        builder.Services.Configure<HostOptions>(host =>
        {
            host.ShutdownTimeout = options.GracePeriod + TimeSpan.FromSeconds(5);
            host.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.StopHost;
        });
        builder.Services.Configure<SocketTransportOptions>(
            sockets => sockets.CreateBoundListenSocket = address => KeepAlive.On(SocketTransportOptions.CreateDefaultBoundListenSocket(address)));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(options));
        return builder;
    }

    /// <summary>Starts the service, tells its addresses and waits for SIGTERM. Returns the exit code: 0 drained, 1 failed, 2 badly configured.</summary>
    public static async Task<int> RunServiceAsync(this WebApplication app)
    {
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Service));
        var options = app.Services.GetRequiredService<ServiceOptions>();
        try
        {
            await app.StartAsync();
            Log.Started(log, options.Name, CommandLine.Version);
            TellAddresses(app, options, log);
            await app.WaitForShutdownAsync();
            Log.Stopped(log, options.Name);
            return Failure(app) is { } fault ? Explain(fault, log) : Environment.ExitCode;
        }
        catch (OperationCanceledException) when (app.Lifetime.ApplicationStopping.IsCancellationRequested && Failure(app) is null)
        {
            // Told to stop while it started.
            await app.StopAsync();
            Log.Stopped(log, options.Name);
            return Environment.ExitCode;
        }
        catch (Exception fault)
        {
            return Explain(Failure(app) ?? fault, log);
        }
        finally
        {
            await app.DisposeAsync();
        }
    }

    /// <summary>Listens on one more port of the address of <paramref name="options"/>.</summary>
    public static void Listen(this KestrelServerOptions kestrel, ServiceOptions options, int port, Action<ListenOptions> configure)
    {
        if (options.BindAddress == ServiceOptions.Everywhere)
        {
            // IPv6 and IPv4 in one socket, or IPv4 alone where the machine has no IPv6.
            kestrel.ListenAnyIP(port, Listener);
        }
        else
        {
            kestrel.Listen(IPAddress.Parse(options.BindAddress), port, Listener);
        }

        void Listener(ListenOptions listener)
        {
            // A socket of both families has a caller by IPv4 as ::ffff:10.0.0.1.
            listener.Use(next => connection =>
            {
                if (connection.RemoteEndPoint is IPEndPoint { Address.IsIPv4MappedToIPv6: true } caller)
                {
                    connection.RemoteEndPoint = new IPEndPoint(caller.Address.MapToIPv4(), caller.Port);
                }

                return next(connection);
            });
            configure(listener);
        }
    }

    private static void Listen(this KestrelServerOptions kestrel, ServiceOptions options)
    {
        kestrel.AddServerHeader = false;
        if (options.Port is { } port)
        {
            kestrel.Listen(options, port, _ => { });
        }

        kestrel.Listen(options, options.MetricsPort, listener => listener.Use(next => connection =>
        {
            connection.Features.Set(MetricsListener.Instance);
            return next(connection);
        }));
    }

    private static void AddServiceLogging(this ILoggingBuilder logging, ServiceOptions options)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(options.Debug ? LogLevel.Debug : LogLevel.Information);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("System", LogLevel.Warning);

        // For its mere being enabled the server would give each request an activity and a scope. What it says of the start is said elsewhere.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        logging.Services.AddSingleton<ILoggerProvider>(all => new LogLines(
            new LogLineFormatter(all.GetRequiredService<TimeProvider>(), options.LogEncoding), Console.OpenStandardOutput()));
    }

    private static void TellAddresses(WebApplication app, ServiceOptions options, ILogger log)
    {
        var purposes = options.Port is null ? ["metrics"] : new[] { "api", "metrics" };
        foreach (var (address, purpose) in app.Urls.Zip(purposes))
        {
            Log.Listening(log, purpose, address);
        }
    }

    // The host stops when a duty fails, but does not say why; during the start it even says only that the start was cancelled.
    private static AggregateException? Failure(WebApplication app) =>
        app.Services.GetServices<IHostedService>().OfType<BackgroundService>().Select(duty => duty.ExecuteTask?.Exception).FirstOrDefault(fault => fault is not null);

    private static int Explain(Exception fault, ILogger log)
    {
        if (fault is ConfigurationException || fault is AggregateException { InnerException: ConfigurationException })
        {
            Console.Error.WriteLine(fault is AggregateException ? fault.InnerException!.Message : fault.Message);
            return CommandLine.BadConfiguration;
        }

        if (fault is IOException { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException } inUse)
        {
            Console.Error.WriteLine($"{inUse.Message} Set port, metrics_port or bind_address to a free one.");
            return CommandLine.BadConfiguration;
        }

        Log.Failed(log, fault);
        return 1;
    }
}

/// <summary>Marks connections that came in on the metrics port.</summary>
internal sealed class MetricsListener
{
    public static MetricsListener Instance { get; } = new();
}
