using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Tests.Hosting;

/// <summary>What a service says as it ends with a bad setting goes to the console, which other tests read.</summary>
[Collection("console")]
public class ServiceTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_setting_that_proves_wrong_ends_with_code_2_before_or_after_the_start(bool isStarted) =>
        Assert.Equal(CommandLine.BadConfiguration, await RunAsync(new ConfigurationException("stream OF_q has other subjects; rename the queue"), isStarted));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_duty_that_dies_ends_with_code_1(bool isStarted) =>
        Assert.Equal(1, await RunAsync(new InvalidOperationException("bug"), isStarted));

    [Fact]
    public async Task A_port_in_use_ends_with_code_2()
    {
        await using var other = await HttpLedger.StartAsync();

        Assert.Equal(CommandLine.BadConfiguration, await Build(_ => { }, other.Port).RunServiceAsync());
    }

    [Fact]
    public async Task Told_to_stop_it_ends_with_code_0()
    {
        var app = Build(_ => { });
        var running = app.RunServiceAsync();
        await Eventually.HoldsAsync(() => app.Lifetime.ApplicationStarted.IsCancellationRequested, "started");

        app.Lifetime.StopApplication();

        Assert.Equal(0, await running);
    }

    [Fact]
    public async Task Told_to_stop_while_it_starts_it_stops_what_was_started_and_ends_with_code_0()
    {
        var first = new Starting(_ => Task.CompletedTask);
        var app = Build(services => services.AddSingleton<IHostedService>(first).AddSingleton<IHostedService>(all => new Starting(ct =>
        {
            all.GetRequiredService<IHostApplicationLifetime>().StopApplication();
            return Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        })));

        Assert.Equal(0, await app.RunServiceAsync().WaitAsync(Eventually.Patience));
        Assert.True(first.IsStopped);
    }

    [Fact]
    public async Task The_metrics_port_serves_metrics_health_and_readiness_and_nothing_else()
    {
        await using var app = Build(_ => { });
        app.MapSystemEndpoints();
        app.Run(http => http.Response.WriteAsync("api"));
        await app.StartAsync();
        var readiness = app.Services.GetRequiredService<Readiness>();
        using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = new Uri(app.Urls.Last()) };
        using var api = new HttpClient(new SocketsHttpHandler()) { BaseAddress = new Uri(app.Urls.First()) };

        Assert.Equal((200, "OK"), await GetAsync(http, "healthz"));
        Assert.Equal((200, "OK"), await GetAsync(http, "readyz"));
        readiness.Announce("stream");
        readiness.Lost("broker", "away since 12:00");
        Assert.Equal((503, "broker: away since 12:00\nstream: not yet"), await GetAsync(http, "readyz"));
        readiness.Met("stream");
        readiness.Met("broker");
        readiness.Announce("stream");
        Assert.Equal((200, "OK"), await GetAsync(http, "readyz"));
        var metrics = await http.GetAsync(new Uri("metrics", UriKind.Relative));
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", metrics.Content.Headers.ContentType?.ToString());
        Assert.Equal(404, (await GetAsync(http, "function/figlet")).Status);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await http.PostAsync(new Uri("healthz", UriKind.Relative), null)).StatusCode);
        Assert.Equal((200, "api"), await GetAsync(api, "healthz"));
    }

    [Fact]
    public async Task While_a_duty_drains_metrics_are_served_and_readiness_says_no()
    {
        var duty = new Draining();
        await using var app = Build(services => services.AddSingleton(duty).AddDuty<Draining>("work", drains: true), gracePeriod: Eventually.Patience);
        app.MapSystemEndpoints();
        await app.StartAsync();
        using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = new Uri(app.Urls.Last()) };
        Assert.Equal((200, "OK"), await GetAsync(http, "readyz"));

        var stopping = app.StopAsync();
        await duty.Told.WaitAsync(Eventually.Patience);
        Assert.Equal((503, "draining: the service stops"), await GetAsync(http, "readyz"));
        Assert.Equal((200, "OK"), await GetAsync(http, "healthz"));
        Assert.Equal(200, (await GetAsync(http, "metrics")).Status);

        duty.End();
        await stopping.WaitAsync(Eventually.Patience);
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(http, "readyz"));
    }

    [Fact]
    public async Task Everywhere_means_both_families_and_a_caller_has_the_address_that_it_called_from()
    {
        await using var app = Build(_ => { }, bindAddress: ServiceOptions.Everywhere);
        app.MapSystemEndpoints();
        app.Run(http => http.Response.WriteAsync(http.Connection.RemoteIpAddress!.ToString()));
        await app.StartAsync();
        var ports = app.Urls.Select(url => new Uri(url).Port).ToArray();

        foreach (var address in new[] { IPAddress.Loopback, IPAddress.IPv6Loopback }.Where(address => address.AddressFamily == AddressFamily.InterNetwork || HasIPv6()))
        {
            using var api = new HttpClient(new SocketsHttpHandler()) { BaseAddress = new Uri($"http://{new IPEndPoint(address, ports[0])}") };
            using var metrics = new HttpClient(new SocketsHttpHandler()) { BaseAddress = new Uri($"http://{new IPEndPoint(address, ports[1])}") };
            Assert.Equal((200, address.ToString()), await GetAsync(api, ""));
            Assert.Equal((200, "OK"), await GetAsync(metrics, "healthz"));
        }
    }

    private static bool HasIPv6() =>
        NetworkInterface.GetAllNetworkInterfaces().Any(network => network.GetIPProperties().UnicastAddresses.Any(own => own.Address.Equals(IPAddress.IPv6Loopback)));

    private static async Task<int> RunAsync(Exception fault, bool isStarted)
    {
        var app = Build(services => services.AddHostedService(all => new Failing(fault, isStarted ? all.GetRequiredService<IHostApplicationLifetime>() : null)));
        return await app.RunServiceAsync().WaitAsync(Eventually.Patience);
    }

    private static async Task<(int Status, string Text)> GetAsync(HttpClient http, string path)
    {
        using var response = await http.GetAsync(new Uri(path, UriKind.Relative));
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private static WebApplication Build(Action<IServiceCollection> with, int metricsPort = 0, string bindAddress = "127.0.0.1", TimeSpan? gracePeriod = null)
    {
        var builder = Service.CreateBuilder(new ServiceOptions
        {
            Name = "test",
            BindAddress = bindAddress,
            Port = 0,
            MetricsPort = metricsPort,
            GracePeriod = gracePeriod ?? TimeSpan.FromSeconds(1),
            Debug = false,
            LogEncoding = LogEncoding.Console,
            SecretMountPath = AppContext.BaseDirectory,
        });
        builder.Logging.ClearProviders();
        with(builder.Services);
        return builder.Build();
    }

    private sealed class Starting(Func<CancellationToken, Task> start) : IHostedService
    {
        public bool IsStopped { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken) => start(cancellationToken);

        public Task StopAsync(CancellationToken cancellationToken)
        {
            IsStopped = true;
            return Task.CompletedTask;
        }
    }

    private sealed class Draining : IDuty
    {
        private readonly TaskCompletionSource _told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Told => _told.Task;

        public void End() => _end.SetResult();

        public async Task RunAsync(CancellationToken stoppingToken)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _told.SetResult();
            await _end.Task;
        }
    }

    private sealed class Failing(Exception fault, IHostApplicationLifetime? after) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await Task.Yield();
            if (after is not null)
            {
                await Eventually.HoldsAsync(() => after.ApplicationStarted.IsCancellationRequested, "started");
            }

            throw fault;
        }
    }
}
