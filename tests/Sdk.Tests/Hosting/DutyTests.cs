using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sdk.Tests.Hosting;

public sealed class DutyTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private readonly Readiness _readiness = new();
    private readonly Scripted _duty = new();
    private IHostedService _supervisor = null!; // set before each test

    public async ValueTask InitializeAsync()
    {
        var services = new ServiceCollection()
            .AddSingleton<TimeProvider>(_time).AddSingleton(_readiness).AddSingleton(_duty).AddSingleton<ILogger<Scripted>>(NullLogger<Scripted>.Instance)
            .AddDuty<Scripted>("scripted");
        _supervisor = services.BuildServiceProvider().GetRequiredService<IHostedService>();
        await _supervisor.StartAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync() => await _supervisor.StopAsync(CancellationToken.None);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_that_throws_or_ends_is_told_by_readiness_and_begun_anew(bool throws)
    {
        await BegunAsync(1);
        Assert.Empty(_readiness.Unmet);

        _duty.End(throws ? new InvalidOperationException("odd input") : null);

        await Eventually.HoldsAsync(() => _readiness.Unmet.Count == 1, "readiness tells");
        Assert.Equal("duty scripted: it ended and is begun anew", Assert.Single(_readiness.Unmet));
        await AdvanceUntilBegunAsync(2);
        await Eventually.HoldsAsync(() => _readiness.Unmet.Count == 0, "ready again");
    }

    [Fact]
    public async Task One_that_keeps_failing_is_begun_for_ever()
    {
        for (var i = 1; i < 20; i++)
        {
            await AdvanceUntilBegunAsync(i);
            _duty.End(new InvalidOperationException("odd input"));
        }
    }

    [Fact]
    public async Task Bad_configuration_is_for_the_service_to_tell()
    {
        await BegunAsync(1);

        _duty.End(new ConfigurationException("a stream has other subjects"));

        var ended = ((BackgroundService)_supervisor).ExecuteTask!;
        await Assert.ThrowsAsync<ConfigurationException>(() => ended.WaitAsync(Eventually.Patience));
        Assert.Equal(1, _duty.Begun);
    }

    [Fact]
    public async Task A_service_that_stops_ends_it()
    {
        await BegunAsync(1);

        await _supervisor.StopAsync(CancellationToken.None);

        Assert.Equal(1, _duty.Begun);
        Assert.Empty(_readiness.Unmet);
    }

    [Fact]
    public async Task One_that_failed_is_begun_once_more_by_a_stop_to_end_what_it_left()
    {
        await BegunAsync(1);
        _duty.End(new InvalidOperationException("odd input"));
        await Eventually.HoldsAsync(() => _readiness.Unmet.Count == 1, "readiness tells");

        await _supervisor.StopAsync(CancellationToken.None);

        Assert.Equal((2, true), (_duty.Begun, _duty.WasStopping));
    }

    private Task BegunAsync(int times) => Eventually.HoldsAsync(() => _duty.Begun == times, $"begun {times} times");

    private Task AdvanceUntilBegunAsync(int times) => Eventually.HoldsAsync(
        () =>
        {
            if (_duty.Begun < times)
            {
                _time.Advance(TimeSpan.FromSeconds(30));
            }

            return _duty.Begun == times;
        },
        $"begun {times} times");

    private sealed class Scripted : IDuty
    {
        private TaskCompletionSource _end = new();
        private int _begun;

        public int Begun => Volatile.Read(ref _begun);

        public bool WasStopping { get; private set; }

        public void End(Exception? fault)
        {
            var end = _end;
            if (fault is null)
            {
                end.SetResult();
            }
            else
            {
                end.SetException(fault);
            }
        }

        public Task RunAsync(CancellationToken stoppingToken)
        {
            WasStopping = stoppingToken.IsCancellationRequested;
            _end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Interlocked.Increment(ref _begun);
            return _end.Task.WaitAsync(stoppingToken);
        }
    }
}
