using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.Faults.Tests;

/// <summary>
/// What is promised of a call that was answered with 202 (docs/delivery-states.md), tried on the whole system: under load one fault follows another, in an
/// order that the seed gives, with quiet between. After each the system comes to itself without help. Short in a usual run; <c>./test --faults</c> makes it longer.
/// </summary>
public sealed partial class FaultRoundTests(ITestOutputHelper output)
{
    private readonly int _seconds = int.Parse(Setting("SECONDS", "20"), CultureInfo.InvariantCulture);

    // Of the usual run: a full disk, a worker killed, a nats-server cut off, a consumer deleted, a clock set, a bucket deleted.
    private readonly int _seed = int.Parse(Setting("SEED", "211907"), CultureInfo.InvariantCulture);
    private readonly string _mode = Setting("MODE", "static");
    private readonly bool _areTwo = Setting("TWO", "0") == "1";
    private readonly string _only = Setting("ONLY", "");
    private readonly string _file = Setting("LEDGER", "");
    private readonly StringBuilder _told = new();

    [Fact]
    public async Task Every_202_has_one_end_whatever_goes_wrong()
    {
        var again = $"./test --faults --seconds {_seconds} --seed {_seed} --mode {_mode}{(_areTwo ? " --two" : "")}{(_only.Length > 0 ? $" --only \"{_only}\"" : "")}";
        Tell(again);
        await using var system = await FaultySystem.StartAsync(_mode, areBreakable: true);
        await using var load = new Load([.. system.Gateways.Select(gateway => gateway.Api)], system.CallbackUrl, _seed);
        var account = new Account();
        try
        {
            await StrikeAsync(system, load, account);
            await load.StopAsync();
            account.Left = await system.IsDoneAsync();
            account.Close(system, load, await system.DeadLettersAsync());
            await SlotsAreFreeAsync(system, load);
        }
        catch (Exception fault) when (fault is TimeoutException or InvalidOperationException)
        {
            account.Violations.Add(fault.Message);
        }

        Tell(account.Text);
        if (account.Violations.Count > 0)
        {
            Tell(Logs(system, account.Violations));
        }

        Assert.True(account.Violations.Count == 0, $"{string.Join('\n', account.Violations)}\nAgain: {again}");
    }

    private async Task StrikeAsync(FaultySystem system, Load load, Account account)
    {
        await load.IsQuietAsync(system);
        load.Start();
        using var faults = Fault.Draw(system, new Random(_seed), _only).GetEnumerator();
        var began = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(_seconds))
        {
            var fault = Next(faults);
            var from = TimeProvider.System.GetUtcNow();
            Tell($"{from:HH:mm:ss.fff} {fault.Name}");
            try
            {
                await fault.StrikeAsync();
                await load.IsQuietAsync(system);
            }
            catch (Exception failed) when (failed is TimeoutException or InvalidOperationException)
            {
                throw new TimeoutException($"after \"{fault.Name}\": {failed.Message}", failed);
            }
            finally
            {
                account.Struck.Add(new Strike(fault, from, TimeProvider.System.GetUtcNow()));
            }
        }
    }

    private Fault Next(IEnumerator<Fault> faults)
    {
        faults.MoveNext();
        var first = faults.Current;
        while (_areTwo)
        {
            faults.MoveNext();
            if (first.With(faults.Current) is { } both)
            {
                return both;
            }
        }

        return first;
    }

    // A function that answers when as many calls are there as both workers have slots: none of them is held by anything else. A receiver of the same kind, of half
    // as many: more is not posted at once to one that seems to be slow.
    private static async Task SlotsAreFreeAsync(FaultySystem system, Load load)
    {
        var slots = system.Workers.Length * FaultySystem.Slots;
        var callback = new Uri($"http://127.0.0.1:{system.ReceiverLink.Port}/hold/{slots / 2}/");
        await Task.WhenAll(Enumerable.Range(0, slots).Select(_ => load.BesideAsync("hold", callback)));
        await Eventually.HoldsAsync(
            async () => await system.CountAsync(FaultySystem.Calls) + await system.CountAsync(FaultySystem.Callbacks) == 0, "every slot of both workers is free for calls, and half of them for callbacks");
    }

    // The end of each log, and all that is said of the calls whose promises were broken.
    private static string Logs(FaultySystem system, IEnumerable<string> violations)
    {
        var calls = violations.SelectMany(violation => CallId().Matches(violation)).Select(match => $"\"{match.Value}\"").Distinct().Take(50).ToList();
        return string.Join("\n\n", system.Workers.Select((worker, i) => Log($"worker {i}", worker, 40)).Concat(system.Replaced.Select(worker => Log("a worker before it", worker, 5))).Concat(system.Gateways.Select((gateway, i) => Log($"gateway {i}", gateway, 20)))
            .Concat(system.Nats.Servers.Select((server, i) => $"nats-server {i}:\n{string.Join('\n', server.Notices)}")));

        string Log(string name, ServiceProcess service, int last) =>
            $"{name}, of these calls:\n{string.Join('\n', service.Log.Where(line => calls.Exists(call => line.Contains(call, StringComparison.Ordinal))))}\n{name}, its end:\n{service.Process.Tail(last)}";
    }

    private void Tell(string text)
    {
        output.WriteLine(text);
        _told.AppendLine(text);
        if (_file.Length > 0)
        {
            File.WriteAllText(_file, _told.ToString());
        }
    }

    private static string Setting(string name, string usual) => Environment.GetEnvironmentVariable("CONNECTORS_FAULTS_" + name) is { Length: > 0 } set ? set : usual;

    [GeneratedRegex("call-[0-9]+")]
    private static partial Regex CallId();
}
