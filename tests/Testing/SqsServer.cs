using System.Globalization;

namespace Connectors.Testing;

/// <summary>A real SQS server (fauxqs) on a free loopback port. All it knows is in memory and gone with it.</summary>
public sealed class SqsServer : IAsyncDisposable
{
    /// <summary>The region of its queues.</summary>
    public const string Region = "us-east-1";

    private ChildProcess? _process;

    private SqsServer()
    {
    }

    /// <summary>The port; the same after every restart.</summary>
    public int Port { get; } = FreePort.Next();

    /// <summary>Its process now.</summary>
    public int ProcessId => Running.Id;

    /// <summary>The server's address.</summary>
    public Uri Url => new($"http://127.0.0.1:{Port}");

    /// <summary>Starts a server.</summary>
    public static async Task<SqsServer> StartAsync()
    {
        var server = new SqsServer();
        await server.StartAgainAsync();
        return server;
    }

    /// <summary>Starts it again after <see cref="KillAsync"/>, on the same port and with no queue.</summary>
    public async Task StartAgainAsync()
    {
        _process = ChildProcess.Start(Tools.Path("sqs"), [Port.ToString(CultureInfo.InvariantCulture)]);
        await _process.LineAsync(l => l.StartsWith("listening ", StringComparison.Ordinal), "fauxqs listens");
    }

    /// <summary>A queue's address, by its name.</summary>
    public string QueueUrl(string name) => $"{Url}000000000000/{name}";

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync() => await Running.KillAsync();

    /// <summary>SIGSTOP: connections stay open and nothing is answered.</summary>
    public void Pause() => Running.Pause();

    /// <summary>SIGCONT.</summary>
    public void Resume() => Running.Resume();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }
    }

    private ChildProcess Running => _process ?? throw new InvalidOperationException("The server was not started.");
}
