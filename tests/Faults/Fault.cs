using Connectors.Testing;

namespace Connectors.Faults.Tests;

/// <summary>Something that goes wrong and is over when <paramref name="StrikeAsync"/> returns.</summary>
/// <param name="Name">What, and where.</param>
/// <param name="Parts">What it touches: two at once touch different parts.</param>
/// <param name="StrikeAsync">Lets it happen. How long it lasts was drawn before, so that a seed means the same faults.</param>
/// <param name="Reruns">How many calls may run more often for it: what can be in flight there.</param>
/// <param name="Recalls">How many callbacks may be posted more often for it.</param>
internal sealed record Fault(string Name, IReadOnlyList<string> Parts, Func<Task> StrikeAsync, int Reruns, int Recalls)
{
    private const int One = FaultySystem.Slots;
    private const int Both = 2 * FaultySystem.Slots;

    // A failed send whose retry copy a full stream refuses is made again as the same attempt, as often as it is refused.
    private const int Unbounded = int.MaxValue / 4;

    private static readonly string[] Streams = [FaultySystem.Calls, FaultySystem.Callbacks, FaultySystem.Dead];

    /// <summary>All kinds; each draws its place and time.</summary>
    private static readonly (string Kind, Func<FaultySystem, Random, Fault> Draw)[] Kinds =
    [
        ("worker killed", (system, random) => Worker(system, random, "killed", One, async (worker, time) =>
        {
            await worker.KillAsync();
            await LastAsync(time);
            await worker.StartAgainAsync();
        })),
        ("worker paused", (system, random) => Worker(system, random, "paused", One, async (worker, time) =>
        {
            worker.Process.Pause();
            await LastAsync(time);
            worker.Process.Resume();
        })),
        ("gateway killed", (system, random) => Gateway(system, random, "killed", Both, async (gateway, time) =>
        {
            await gateway.KillAsync();
            await LastAsync(time);
            await gateway.StartAgainAsync();
        })),
        ("gateway paused", (system, random) => Gateway(system, random, "paused", 0, async (gateway, time) =>
        {
            gateway.Process.Pause();
            await LastAsync(time);
            gateway.Process.Resume();
        })),
        ("nats-server killed", (system, random) => Nats(system, random, "killed", 1, async (server, time) =>
        {
            await server.KillAsync();
            await LastAsync(time);
            await server.StartAgainAsync();
        })),
        ("nats-server paused", (system, random) => Nats(system, random, "paused", 1, async (server, time) =>
        {
            server.Pause();
            await LastAsync(time);
            server.Resume();
        })),
        ("nats-server cut off", (system, random) =>
        {
            var isHealed = random.Next(2) == 0;
            return Nats(system, random, isHealed ? "cut off from both others, then healed," : "cut off from both others, then cut,", 1, async (server, time) =>
            {
                var i = system.Nats.Servers.ToList().IndexOf(server);
                var links = system.RouteLinks.Where(route => route.Key.From == i || route.Key.To == i).Select(route => route.Value).ToList();
                links.ForEach(link => link.Silence());
                await LastAsync(time);
                if (!isHealed)
                {
                    links.ForEach(link => link.Cut());
                }

                links.ForEach(link => link.Pass());
            });
        }),
        ("disk full", (system, random) => Nats(system, random, "out of disk", 2, async (server, time) =>
        {
            server.FillDisk();
            await LastAsync(time);
            server.FreeDisk();
            if (server.Says("no space left on device"))
            {
                // What failed to write does not write again before a restart, and says so.
                await server.StopAsync();
                await server.StartAgainAsync();
            }
        })),
        ("clock set", (system, random) =>
        {
            var ((service, clock), ahead, minutes, time) = (system.Clocks[random.Next(system.Clocks.Count)], random.Next(2) == 0, random.Next(2, 300), Time(random));
            return Of($"clock of {service} set {minutes} min {(ahead ? "ahead" : "back")} for {Words(time)}", [service], Both, Both, async () =>
            {
                clock.Set(TimeSpan.FromMinutes(ahead ? minutes : -minutes));
                await LastAsync(time);
                clock.Set(TimeSpan.Zero);
            });
        }),
        ("function killed", (system, random) => Of("function killed", ["function"], Both, 0, () => KillAsync(system.Function, Time(random)))),
        ("function paused", (system, random) => Of("function paused", ["function"], 0, 0, () => PauseAsync(system.Function, Time(random)))),
        ("receiver killed", (system, random) => Of("receiver killed", ["receiver"], 0, Both, () => KillAsync(system.Receiver, Time(random)))),
        ("receiver paused", (system, random) => Of("receiver paused", ["receiver"], 0, 0, () => PauseAsync(system.Receiver, Time(random)))),
        ("services restarted", (system, _) => Of("services restarted, one by one", ["worker 0", "worker 1", "gateway 0", "gateway 1"], 0, 0, async () =>
        {
            foreach (var service in system.Workers.Concat(system.Gateways))
            {
                await FaultySystem.TerminateAsync(service);
                await service.StartAgainAsync();
            }
        })),
        ("nats-servers restarted", (system, _) => Of("nats-servers restarted, one by one", ["nats 0", "nats 1", "nats 2"], 3 * Both, 3 * Both, async () =>
        {
            foreach (var server in system.Nats.Servers)
            {
                await server.StopAsync();
                await server.StartAgainAsync();
                await system.IsWholeAsync();
            }
        })),
        ("leader steps down", (system, random) =>
        {
            var (stream, ofConsumer) = (Streams[random.Next(Streams.Length)], random.Next());
            return Of($"leader steps down: {stream} and a consumer", ["leaders"], Both, Both, async () =>
            {
                await system.AskAsync($"$JS.API.STREAM.LEADER.STEPDOWN.{stream}");
                var consumers = await system.ConsumersAsync();
                var (of, consumer) = consumers[ofConsumer % consumers.Count];
                await system.AskAsync($"$JS.API.CONSUMER.LEADER.STEPDOWN.{of}.{consumer}");
            });
        }),
        ("consumer deleted", (system, random) =>
        {
            var which = random.Next();
            return Of("consumer deleted", ["consumers"], Both, Both, async () =>
            {
                var consumers = await system.ConsumersAsync();
                var (stream, consumer) = consumers[which % consumers.Count];
                await system.DeleteConsumerAsync(stream, consumer);
            });
        }),
        ("stream deleted", (system, random) =>
        {
            // Of these nothing depends on what they hold: they are made again. The others' contents would be gone, and no promise says otherwise.
            string[] spare = [FaultySystem.History, "KV_OF_cancelled", "KV_OF_paused"];
            var stream = spare[random.Next(spare.Length)];
            return Of($"stream deleted: {stream}", [stream], 0, 0, () => system.DeleteStreamAsync(stream));
        }),
        ("stream full", (system, random) =>
        {
            var (stream, time) = (Streams[random.Next(Streams.Length)], Time(random) / 2);
            return Of($"stream full: {stream}", ["streams"], Unbounded, Unbounded, async () =>
            {
                await system.ChangeAsync(stream, config => config with { MaxMsgs = 1 });
                await LastAsync(time);
                await system.ChangeAsync(stream, config => config with { MaxMsgs = -1 });
            });
        }),
        ("mode switched", (system, _) => Of("mode switched", ["worker 0", "worker 1", "consumers"], Both, Both, system.SwitchModeAsync)),
        ("replicas changed", (system, _) => Of("replicas changed, 3 to 1 to 3", ["nats 0", "nats 1", "nats 2", "streams"], Both, Both, async () =>
        {
            foreach (var replicas in new[] { 1, 3 })
            {
                foreach (var stream in Streams)
                {
                    await system.ChangeAsync(stream, config => config with { NumReplicas = replicas });
                }
            }
        })),
        ("link cut", (system, random) => Link(system, random, "cut", Both, (link, _) =>
        {
            link.Cut();
            return Task.CompletedTask;
        })),
        ("link down", (system, random) => Link(system, random, "down", Both, async (link, time) =>
        {
            link.Close();
            await LastAsync(time);
            link.Open();
        })),
        ("link slow", (system, random) => Link(system, random, "slow", 0, async (link, time) =>
        {
            link.Delay(TimeSpan.FromMilliseconds(200));
            await LastAsync(time);
            link.Delay(TimeSpan.Zero);
        })),
        ("link silent", (system, random) => Link(system, random, "silent, then cut", Both, async (link, time) =>
        {
            link.Silence();
            await LastAsync(time);
            link.Cut();
            link.Pass();
        })),
    ];

    /// <summary>Endless: all kinds in a random order, then all of them in another one.</summary>
    /// <param name="system">Where they happen.</param>
    /// <param name="random">The seed's.</param>
    /// <param name="only">Words, with commas between them, of which the kinds to be drawn contain one; empty for all.</param>
    public static IEnumerable<Fault> Draw(FaultySystem system, Random random, string only)
    {
        var kinds = Kinds.Where(kind => only.Split(',').Any(word => kind.Kind.Contains(word, StringComparison.Ordinal))).ToArray();
        while (true)
        {
            random.Shuffle(kinds);
            foreach (var (_, draw) in kinds)
            {
                yield return draw(system, random);
            }
        }
    }

    /// <summary>Both at once; null if they touch the same part.</summary>
    public Fault? With(Fault other) => Parts.Intersect(other.Parts).Any()
        ? null
        : new($"{Name} + {other.Name}", [.. Parts, .. other.Parts], () => Task.WhenAll(StrikeAsync(), other.StrikeAsync()), Reruns + other.Reruns, Recalls + other.Recalls);

    private static Fault Of(string name, IReadOnlyList<string> parts, int reruns, int recalls, Func<Task> strike) => new(name, parts, strike, reruns, recalls);

    private static Fault Worker(FaultySystem system, Random random, string what, int atMost, Func<ServiceProcess, TimeSpan, Task> strike)
    {
        var (i, time) = (random.Next(system.Workers.Length), Time(random));
        return Of($"worker {i} {what} {Words(time)}", [$"worker {i}"], atMost, atMost, () => strike(system.Workers[i], time));
    }

    private static Fault Gateway(FaultySystem system, Random random, string what, int reruns, Func<ServiceProcess, TimeSpan, Task> strike)
    {
        var (i, time) = (random.Next(system.Gateways.Length), Time(random));
        return Of($"gateway {i} {what} {Words(time)}", [$"gateway {i}"], reruns, 0, () => strike(system.Gateways[i], time));
    }

    // Mostly the one that leads a stream. It loses what is in flight, or its leaders do, so many times.
    private static Fault Nats(FaultySystem system, Random random, string what, int losses, Func<NatsServer, TimeSpan, Task> strike)
    {
        var (stream, i, time) = (random.Next(3), random.Next(3), Time(random));
        var which = stream < 2 ? $"leader of {Streams[stream]}" : $"{i}";
        return Of($"nats-server {what} {Words(time)}: {which}", ["nats 0", "nats 1", "nats 2"], losses * Both, losses * Both, async () =>
            await strike(system.Nats.Servers[stream < 2 ? await system.LeaderAsync(Streams[stream]) : i], time));
    }

    private static Fault Link(FaultySystem system, Random random, string what, int atMost, Func<Link, TimeSpan, Task> strike)
    {
        (string Name, Link Link, int Reruns, int Recalls)[] links =
        [
            .. system.NatsLinks.Select((link, i) => ($"to nats-server {i}", link, atMost, atMost)),
            .. system.GatewayLinks.Select((link, i) => ($"from worker {i} to its gateway", link, atMost, 0)),
            ("to the function", system.FunctionLink, atMost, 0),
            ("to the receiver", system.ReceiverLink, 0, atMost),
        ];
        var (name, link, reruns, recalls) = links[random.Next(links.Length)];
        var time = Time(random);
        return Of($"link {name} {what} {(what == "cut" ? "" : Words(time))}".TrimEnd(), [$"link {name}"], reruns, recalls, () => strike(link, time));
    }

    private static async Task KillAsync(Ledger ledger, TimeSpan time)
    {
        await ledger.Process.KillAsync();
        await LastAsync(time);
        await ledger.StartAgainAsync();
    }

    private static async Task PauseAsync(Ledger ledger, TimeSpan time)
    {
        ledger.Process.Pause();
        await LastAsync(time);
        ledger.Process.Resume();
    }

    // Shorter and longer than ack_wait. Shorter than upstream_timeout: a function that stands still costs no run.
    private static TimeSpan Time(Random random) => TimeSpan.FromMilliseconds(random.Next(300, 11_000));

    private static string Words(TimeSpan time) => $"{time.TotalSeconds:0.0} s";

    private static Task LastAsync(TimeSpan time) => Task.Delay(time, TimeProvider.System);
}
