using Connectors.Benchmarks.Whole;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Benchmarks.Baselines;

/// <summary>
/// A web server over the same packages that does what a gateway does at least: stores a call's body and says 202 once it is stored, relays what it is told to run.
/// It looks at nothing, writes nothing down and promises nothing: what it cannot do no gateway over these packages can.
/// </summary>
internal sealed class BareGateway : IAsyncDisposable
{
    private readonly NatsConnection _connection;
    private readonly NatsJSContext _stream;
    private readonly string _subject;
    private readonly KeyValuePair<string, StringValues> _header;
    private readonly IAsyncDisposable _relay;

    private BareGateway(WebApplication app, string nats, string function)
    {
        _connection = new NatsConnection(new NatsOpts { Url = nats });
        _stream = new NatsJSContext(_connection);
        (_subject, var headers, _) = Pipeline.MessageOf(0, functions: 1);
        _header = headers.Single();
        app.Map("/async-function", accepted => accepted.Run(AcceptAsync));
        _relay = Relays.MapHandler(app, function);
    }

    /// <param name="app">The web server.</param>
    /// <param name="target">Addresses of nats-server and the function, with a comma between.</param>
    internal static BareGateway Map(WebApplication app, string target) => new(app, target.Split(',')[0], target.Split(',')[1]);

    public async ValueTask DisposeAsync()
    {
        await _relay.DisposeAsync();
        await _connection.DisposeAsync();
    }

    private async Task AcceptAsync(HttpContext http)
    {
        var body = new byte[(int)http.Request.ContentLength!];
        await http.Request.Body.ReadExactlyAsync(body);
        var ack = await _stream.PublishAsync(_subject, body, headers: new NatsHeaders { [_header.Key] = _header.Value });
        ack.EnsureSuccess();
        http.Response.StatusCode = StatusCodes.Status202Accepted;
        http.Response.ContentLength = 0;
    }
}
