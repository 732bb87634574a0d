using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Connectors.Benchmarks.Baselines;

/// <summary>What the same work costs without what we add, each in a process of its own: <c>Benchmarks baseline KIND TARGET</c>.</summary>
internal static class Baseline
{
    internal static async Task RunAsync(string kind, string target)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        if (kind == "yarp")
        {
            builder.Services.AddHttpForwarder();
        }

        await using var app = builder.Build();
        await using var running = kind switch
        {
            "yarp" => Relays.MapYarp(app, target),
            "handler" => Relays.MapHandler(app, target),
            "publish" => BarePublisher.Map(app, target),
            "gateway" => BareGateway.Map(app, target),
            "pull" => await BareLoop.StartAsync(target),
            "consume" => BareConsumer.Start(target, byKey: false),
            "consume by key" => BareConsumer.Start(target, byKey: true),
            "receive" => BareReceiver.Start(target, loops: 1, atOnce: 1),
            "receive at once" => BareReceiver.Start(target, BareReceiver.Loops, BareReceiver.Batch),
            _ => throw new ArgumentException($"unknown baseline {kind}"),
        };
        await app.StartAsync();
        await Console.Out.WriteLineAsync($"listening {app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()}");
        await app.WaitForShutdownAsync();
    }
}
