using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Tests.Events;

/// <summary>A source is one object, by whatever name the services are asked for it.</summary>
public sealed class OneSourceTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_read_is_the_duty_and_what_an_endpoint_gets_and_ends_once(bool isDutyFirst)
    {
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("orders", "a"));
        InboxSource source;
        await using (var connector = await RunningConnector.StartAsync(builder =>
        {
            if (isDutyFirst)
            {
                builder.Services.AddDuty<InboxSource>("inbox");
            }

            builder.AddConnector<InboxSource>(RunningConnector.Options(gateway.Url));
            if (!isDutyFirst)
            {
                builder.Services.AddDuty<InboxSource>("inbox");
            }
        }))
        {
            source = connector.Services.GetRequiredService<InboxSource>();
            source.Found("by an endpoint");

            await gateway.ReceivesAsync(2);
        }

        Assert.Equal(1, source.Ends);
    }

    // What is found beside the reading is yielded by it.
    private sealed class InboxSource : IEventSource, IDuty, IAsyncDisposable
    {
        private readonly ScriptedSource _inbox = new();

        public int Ends { get; private set; }

        public void Found(string id) => _inbox.Give(id);

        public async Task RunAsync(CancellationToken stoppingToken)
        {
            Found("by the duty");
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stoppingToken);
        }

        public IAsyncEnumerable<Received> ReadAsync(Slots slots, CancellationToken stoppingToken) => _inbox.ReadAsync(slots, stoppingToken);

        public ValueTask DisposeAsync()
        {
            Ends++;
            return ValueTask.CompletedTask;
        }
    }
}
