using Connectors.Sdk;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Folder.Tests;

/// <summary>What every event source promises, and what this one does beside.</summary>
public sealed class FolderSourceTests : EventSourceContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory("folder-").FullName;
    private int _next;

    protected override string Topic => "files";

    // Several files run at once, whatever their names.
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    protected override void Register(WebApplicationBuilder builder, ConnectorOptions options)
    {
        var settings = new Settings(new Dictionary<string, string> { ["folder"] = _folder, ["poll_interval"] = "20ms" });
        builder.Services.AddSingleton(FolderOptions.Read(settings));
        Assert.Empty(settings.Errors);
        builder.AddConnector<FolderSource>(options);
    }

    protected override async Task<string> HappenAsync(string key, byte[] body)
    {
        var name = $"{_next++:D4}";
        var hidden = Path.Combine(_folder, "." + name);
        await File.WriteAllBytesAsync(hidden, body);
        var id = $"file:{name}:{File.GetLastWriteTimeUtc(hidden).Ticks}";
        File.Move(hidden, Path.Combine(_folder, name));
        return id;
    }

    // A link that leads nowhere, and a name that no header can carry.
    protected override async Task HappenBrokenAsync()
    {
        File.CreateSymbolicLink(Path.Combine(_folder, "0-nowhere"), Path.Combine(_folder, "gone", "file"));
        await File.WriteAllBytesAsync(Path.Combine(_folder, "1\r\nX-Injected: 1"), [0, 0xff]);
    }

    [Fact]
    public Task What_no_function_wants_stays_for_the_next() => CheckUnwantedStaysAsync();

    [Fact]
    public async Task While_the_folder_is_gone_it_is_not_ready_and_needs_no_restart()
    {
        await using var connector = await StartAsync();
        using var http = new HttpClient(new SocketsHttpHandler());
        async Task<string> ReadyAsync() => await (await http.GetAsync(new Uri(connector.Metrics, "/readyz"))).Content.ReadAsStringAsync();
        await Eventually.HoldsAsync(async () => await ReadyAsync() == "OK", "ready");

        Directory.Delete(_folder, recursive: true);
        await Eventually.HoldsAsync(async () => (await ReadyAsync()).StartsWith("event source: Could not find", StringComparison.Ordinal), "it says why");
        Directory.CreateDirectory(_folder);

        await Eventually.HoldsAsync(async () => await ReadyAsync() == "OK", "ready again");
        await HappenAsync("key", "x"u8.ToArray());
        await Gateway.ReceivesAsync(1);
    }

    [Fact]
    public async Task A_name_that_was_gone_when_its_turn_came_is_read_when_it_is_back()
    {
        var nowhere = Path.Combine(_folder, "0-nowhere");
        File.CreateSymbolicLink(nowhere, Path.Combine(_folder, "gone"));
        await using var connector = await StartAsync();
        await HappenAsync("key", "x"u8.ToArray());
        await Gateway.ReceivesAsync(1);

        File.Delete(nowhere);
        await File.WriteAllTextAsync(Path.Combine(_folder, ".back"), "back");
        File.Move(Path.Combine(_folder, ".back"), nowhere);

        await Gateway.ReceivesAsync(2);
    }

    [Fact]
    public async Task A_file_that_is_renamed_over_one_that_runs_is_an_event_of_its_own()
    {
        var release = new TaskCompletionSource();
        Gateway.Answer = (_, _) => release.Task;
        await using var connector = await StartAsync();
        await HappenAsync("key", "old"u8.ToArray());
        await Gateway.ReceivesAsync(1);

        var hidden = Path.Combine(_folder, ".new");
        await File.WriteAllBytesAsync(hidden, "newer"u8.ToArray());
        File.Move(hidden, Path.Combine(_folder, "0000"), overwrite: true);
        release.SetResult();

        await Gateway.ReceivesAsync(2);
        await Eventually.HoldsAsync(() => Directory.GetFiles(_folder).Length == 0, "both are taken");
        Assert.Equal(["old", "newer"], Gateway.Calls.Select(call => call.Text));
    }

    [Fact]
    public async Task Files_that_are_refused_again_and_again_do_not_stop_the_others()
    {
        Refuse("bad");
        await using var connector = await StartAsync(options => options with { MaxInflight = 2 });
        foreach (var id in new[] { await HappenAsync("key", "bad"u8.ToArray()), await HappenAsync("key", "bad"u8.ToArray()) })
        {
            await Gateway.ReceivesAsync(1, call => Id(call) == id);
        }

        await HappenAsync("key", "good"u8.ToArray());

        await Gateway.ReceivesAsync(1, call => call.Text == "good");
        await Eventually.HoldsAsync(() => Directory.GetFiles(_folder).Length == 2, "the others stay");
    }

    [Fact]
    public async Task A_file_that_is_put_off_goes_again_to_those_alone_that_have_not_taken_it()
    {
        Gateway.Functions = [ListedFunction.Wanting(Topic, "taker"), ListedFunction.Wanting(Topic, "refuser")];
        Gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = IsOf(request, "refuser") ? 422 : 200;
            return Task.CompletedTask;
        };
        await using var connector = await StartAsync();

        await HappenAsync("key", "x"u8.ToArray());

        await Gateway.ReceivesAsync(3, call => IsOf(call, "refuser"));
        Assert.Single(Gateway.Calls, call => IsOf(call, "taker"));
        Assert.Single(Gateway.Calls.Select(call => call.CallId).Distinct());

        static bool IsOf(RecordedRequest call, string function) => call.Path.StartsWith($"/function/{function}.", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_renamed_over_one_that_is_put_off_takes_its_place()
    {
        Refuse("bad");
        await using var connector = await StartAsync();
        await HappenAsync("key", "bad"u8.ToArray());
        await Gateway.ReceivesAsync(2);

        var hidden = Path.Combine(_folder, ".mended");
        await File.WriteAllBytesAsync(hidden, "mended"u8.ToArray());
        File.Move(hidden, Path.Combine(_folder, "0000"), overwrite: true);

        await Gateway.ReceivesAsync(1, call => call.Text == "mended");
        await Eventually.HoldsAsync(() => Directory.GetFiles(_folder).Length == 0, "it is taken");
    }

    [Fact]
    public async Task A_file_that_was_taken_is_gone()
    {
        await using var connector = await StartAsync();

        await HappenAsync("key", "x"u8.ToArray());

        await Gateway.ReceivesAsync(1);
        await Eventually.HoldsAsync(() => Directory.GetFiles(_folder).Length == 0, "the file is deleted");
    }

    private void Refuse(string body) => Gateway.Answer = (request, http) =>
    {
        http.Response.StatusCode = request.Text == body ? 422 : 200;
        return Task.CompletedTask;
    };
}
