using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Connectors.Testing;

namespace Connectors.Faults.Tests;

/// <summary>A function, or a receiver of callbacks, that is a process of its own. Each request that it was given is a line of a file that outlives it.</summary>
internal sealed class Ledger : IAsyncDisposable
{
    private readonly string _file = Path.GetTempFileName();

    private Ledger()
    {
    }

    public ChildProcess Process { get; private set; } = null!;

    public int Port { get; } = FreePort.Next();

    /// <summary>Every request so far, in order.</summary>
    public IReadOnlyList<Entry> Entries => [.. File.ReadAllText(_file).Split('\n')[..^1].Select(Entry.Read)];

    public static async Task<Ledger> StartAsync()
    {
        var ledger = new Ledger();
        await ledger.StartAgainAsync();
        return ledger;
    }

    /// <summary>Waits until it was given so many requests.</summary>
    public Task HasAsync(int count) => Eventually.HoldsAsync(() => Entries.Count >= count, $"{count} requests have come");

    public async Task StartAgainAsync()
    {
        Process = ChildProcess.Start("perl", [Path.Combine(AppContext.BaseDirectory, "ledger.pl"), Port.ToString(CultureInfo.InvariantCulture), _file]);
        await Process.LineAsync(l => l.StartsWith("listening on ", StringComparison.Ordinal), "it listens");
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        File.Delete(_file);
    }
}

/// <summary>A request that a function or a receiver was given.</summary>
internal sealed record Entry(DateTimeOffset At, string Head, byte[] Body)
{
    public static Entry Read(string line)
    {
        var words = line.Split(' ');
        var at = DateTimeOffset.UnixEpoch.AddSeconds(double.Parse(words[0], CultureInfo.InvariantCulture));
        return new Entry(at, Encoding.Latin1.GetString(Convert.FromHexString(words[1])), Convert.FromHexString(words[2]));
    }

    public string CallId => Header("X-Call-Id");

    public string DeliveryId => Header("X-Delivery-Id");

    public int Attempt => int.Parse(Header("X-Attempt"), CultureInfo.InvariantCulture);

    /// <summary>A header's value; empty if it did not come.</summary>
    public string Header(string name) =>
        Head.Split("\r\n").Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Select(line => line[(name.Length + 1)..].Trim()).FirstOrDefault() ?? "";

    /// <summary>Whether it is signed with the secret: Standard Webhooks, written from its specification and sharing nothing with the signer.</summary>
    public bool IsSigned(byte[] secret)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{Header("webhook-id")}.{Header("webhook-timestamp")}."), .. Body];
        return Header("webhook-signature").Split(' ').Contains("v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, signed)));
    }
}
