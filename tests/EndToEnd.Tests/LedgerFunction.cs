using System.Globalization;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>A function that is a process of its own. Each call that it was given is a line of a file that outlives it.</summary>
public sealed class LedgerFunction : IAsyncDisposable
{
    private readonly string _ledger = Path.GetTempFileName();
    private readonly string _port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
    private ChildProcess _process = null!;

    private LedgerFunction()
    {
    }

    public Uri Url => new($"http://127.0.0.1:{_port}/");

    /// <summary>Every run that was begun, in order.</summary>
    public IReadOnlyList<FunctionRun> Runs =>
        [.. from line in File.ReadAllText(_ledger).Split('\n')[..^1] let words = line.Split(' ') select new FunctionRun(words[0], words[1])];

    public static async Task<LedgerFunction> StartAsync()
    {
        var function = new LedgerFunction();
        await function.StartAgainAsync();
        return function;
    }

    public async Task StartAgainAsync()
    {
        var script = Path.Combine(AppContext.BaseDirectory, "ledger-function.pl");
        _process = ChildProcess.Start("perl", [script, _port, _ledger]);
        await _process.LineAsync(l => l.StartsWith("listening on ", StringComparison.Ordinal), "the function listens");
    }

    /// <summary>SIGKILL: what runs is cut.</summary>
    public Task KillAsync() => _process.KillAsync();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        File.Delete(_ledger);
    }
}

/// <summary>One run of a function.</summary>
public sealed record FunctionRun(string CallId, string DeliveryId);
