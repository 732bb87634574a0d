using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>A receiver of docs/callbacks.md, run as a reader would run it.</summary>
public sealed class CallbackReceiver : IAsyncDisposable
{
    private const string Listening = "listening on ";

    private readonly ChildProcess _process;

    private CallbackReceiver(ChildProcess process, Uri url)
    {
        _process = process;
        Url = url;
    }

    public static string Folder { get; } = Path.Combine(Tools.RepositoryRoot, "samples", "callback-receivers");

    public Uri Url { get; }

    /// <summary>What it accepted: id, function's status and length of the body.</summary>
    public IReadOnlyList<string> Accepted => [.. _process.Lines.Where(l => l.StartsWith("accepted ", StringComparison.Ordinal)).Select(l => l["accepted ".Length..])];

    /// <summary>Starts one; <paramref name="language"/> is <c>csharp</c>, <c>python</c>, <c>node</c> or <c>go</c>.</summary>
    public static async Task<CallbackReceiver> StartAsync(string language, params IEnumerable<string> secrets)
    {
        (string Program, string[] Arguments) command = language switch
        {
            "csharp" => ("dotnet", [ServiceProcess.Assembly("CallbackReceiver")]),
            "go" => (await BuiltAsync(), []),
            "python" => (Tools.Path("python"), [Path.Combine(Folder, "receiver.py")]),
            _ => (Tools.Path("node"), [Path.Combine(Folder, "receiver.mjs")]),
        };
        var environment = new Dictionary<string, string> { ["PORT"] = "0", ["CALLBACK_SECRETS"] = string.Join(' ', secrets) };
        var process = ChildProcess.Start(command.Program, command.Arguments, environment);
        var line = await process.LineAsync(l => l.StartsWith(Listening, StringComparison.Ordinal), $"the receiver in {language} listens");
        return new CallbackReceiver(process, new Uri(line[Listening.Length..]));
    }

    /// <summary>Waits until it says that it accepted so many.</summary>
    public Task AcceptsAsync(int count) => Eventually.HoldsAsync(() => Accepted.Count == count, () => $"the receiver accepted {count}; it wrote:\n{_process.Tail()}");

    // What "go run" does, which leaves the program alone when it is killed itself. Whoever builds first builds Go's library too, which takes minutes.
    private static async Task<string> BuiltAsync()
    {
        var program = Path.Combine(Directory.CreateTempSubdirectory("go-").FullName, "receiver");
        await using var build = ChildProcess.Start(Tools.Path("go"), ["build", "-o", program, Path.Combine(Folder, "receiver.go")]);
        Assert.True(await build.ExitAsync(TimeSpan.FromMinutes(15)) == 0, build.Tail());
        return program;
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
