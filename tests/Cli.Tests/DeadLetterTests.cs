using System.Globalization;
using System.Text;
using Connectors.Gateway.Tests;
using Connectors.Gateway.Tests.Queues;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using NATS.Client.Core;

namespace Connectors.Cli.Tests;

/// <summary>dead list, show, redrive of some, delete against a real gateway.</summary>
public sealed class DeadLetterTests(Scene scene)
{
    [Fact]
    public async Task List_finds_by_function_and_reason()
    {
        var seed = await scene.SeedAsync();
        await seed.DeadAsync(DeadLetterSeed.Call("one", "a"), new byte[7]);
        await seed.DeadAsync(DeadLetterSeed.Call("one", "b"), reason: DeadReasons.Failed);
        await seed.DeadAsync(DeadLetterSeed.Call("two", "c"), reason: "odd\u001b[31m");

        var table = (await scene.RunAsync("dead", "list", seed.Queue)).Succeeds();
        var json = (await scene.RunAsync("dead", "list", seed.Queue, "--json", "--function", "one", "--reason", "failed")).Json;
        var none = (await scene.RunAsync("dead", "list", seed.Queue, "--json", "--function", "nobody")).Json;

        Assert.Equal("SEQ  FUNCTION         KIND  REASON     STATUS  ATTEMPTS  LAST                  BYTES  CALL ID", table.Lines[0]);
        Assert.Matches(@"^  1  one\.openfaas-fn  call  exhausted     500         3  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ      7  a$", table.Lines[1]);
        Assert.Contains("  odd?[31m ", table.Lines[3], StringComparison.Ordinal);
        Assert.Equal("b", (string)Assert.Single(json.AsArray())!["callId"]!);
        Assert.Empty(none.AsArray());
        foreach (var time in new[] { "999999d", "999999h", "0s", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z" })
        {
            var since = (await scene.RunAsync("dead", "list", seed.Queue, "--json", "--since", time)).Json;
            Assert.Equal(time.StartsWith("9999-", StringComparison.Ordinal) || time == "0s" ? 0 : 3, since.AsArray().Count);
        }
    }

    [Fact]
    public async Task List_follows_the_pages_to_the_end()
    {
        var seed = await scene.SeedAsync();
        await seed.DeadAsync(2300, i => DeadLetterSeed.Call($"f{i % 3}", $"call-{i}"));

        var all = (await scene.RunAsync("dead", "list", seed.Queue, "--json")).Json;
        var table = (await scene.RunAsync("dead", "list", seed.Queue)).Succeeds();
        var some = (await scene.RunAsync("dead", "list", seed.Queue, "--limit", "1200")).Succeeds();
        var rest = (await scene.RunAsync("dead", "list", seed.Queue, "--after", "1200", "--json")).Json;

        Assert.Equal(Enumerable.Range(1, 2300).Select(i => (ulong)i), all.AsArray().Select(item => (ulong)item!["seq"]!));
        Assert.Equal(2300, all.AsArray().Select(item => (string)item!["callId"]!).Distinct().Count());
        Assert.Equal(1 + 2300, table.Lines.Length);
        Assert.Empty(table.Error);
        Assert.Equal(1 + 1200, some.Lines.Length);
        Assert.Equal("There are more: --after 1200\n", some.Error);
        Assert.Equal(1100, rest.AsArray().Count);
    }

    [Fact]
    public async Task Show_tells_the_biography_and_the_body()
    {
        var seed = await scene.SeedAsync();
        var call = DeadLetterSeed.Call("echo", "shown");
        var seq = $"{await seed.DeadAsync(call, Encoding.UTF8.GetBytes("grüße\n"))}";

        var table = (await scene.RunAsync("dead", "show", seed.Queue, seq)).Succeeds();
        var json = (await scene.RunAsync("dead", "show", seed.Queue, seq, "--json")).Json;

        Assert.Matches(@"function +echo\.openfaas-fn\n", table.Out);
        Assert.Matches(@"call id +shown\n", table.Out);
        Assert.Matches(@"error +boom\n", table.Out);
        Assert.EndsWith("\n\ngrüße\n", table.Out, StringComparison.Ordinal);
        Assert.Equal(("shown", "exhausted", 500, 3), ((string)json["callId"]!, (string)json["reason"]!, (int)json["status"]!, (int)json["attempts"]!));
        Assert.Equal("grüße\n", Encoding.UTF8.GetString(Convert.FromBase64String((string)json["bodyBase64"]!)));
    }

    [Fact]
    public async Task Show_tells_what_was_sent_beside_the_body_without_credentials_and_control_characters()
    {
        var seed = await scene.SeedAsync();
        var call = DeadLetterSeed.Call() with
        {
            Method = "PUT",
            Query = "a=1&b=2",
            Callback = "http://ann:hidden@shop.example/cb",
            Headers = [new Header("Authorization", "Bearer hidden"), new Header("X-Odd", "a\u001b[31m")],
        };
        var seq = $"{await seed.DeadAsync(call, "hi"u8.ToArray())}";

        var table = (await scene.RunAsync("dead", "show", seed.Queue, seq)).Succeeds();
        var json = (await scene.RunAsync("dead", "show", seed.Queue, seq, "--json")).Json;

        Assert.Matches(@"method +PUT\n", table.Out);
        Assert.Matches(@"query +a=1&b=2\n", table.Out);
        Assert.Matches(@"callback to +http://\*\*\*@shop\.example/cb\n", table.Out);
        Assert.EndsWith("\n\nAuthorization: ***\nX-Odd: a?[31m\n\nhi\n", table.Out, StringComparison.Ordinal);
        Assert.Equal("PUT", (string)json["request"]!["method"]!);
        Assert.Equal(["Authorization", "***"], json["request"]!["headers"]![0]!.AsArray().Select(part => (string)part!));
        Assert.DoesNotContain("hidden", table.Out + json.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_writes_any_body_to_a_file_and_no_control_characters_to_the_terminal()
    {
        var seed = await scene.SeedAsync();
        byte[] body = [.. Enumerable.Range(0, 256).Select(b => (byte)b)];
        var seq = $"{await seed.DeadAsync(DeadLetterSeed.Call(), body)}";
        var file = scene.Operator.PathOf($"{seed.Queue}.body");

        var shown = (await scene.RunAsync("dead", "show", seed.Queue, seq)).Succeeds();
        var written = (await scene.RunAsync("dead", "show", seed.Queue, seq, "--output", file)).Succeeds();

        Assert.EndsWith("The body is not text: --output FILE writes it.\n", shown.Out, StringComparison.Ordinal);
        Assert.Equal(body, await File.ReadAllBytesAsync(file));
        Assert.Matches(@"bytes +256\n$", written.Out);
    }

    [Fact]
    public async Task Redrive_puts_the_named_letters_back()
    {
        var seed = await scene.SeedAsync();
        var first = await seed.DeadAsync(DeadLetterSeed.Call());
        await seed.DeadAsync(DeadLetterSeed.Call());
        var third = await seed.DeadAsync(DeadLetterSeed.Call());
        var foreign = await seed.PublishAsync($"{seed.Queue}.dead.call.x.y", [1], new NatsHeaders { ["Some"] = "thing" });

        var table = (await scene.RunAsync("dead", "redrive", seed.Queue, $"{first}", $"{third}")).Succeeds();

        Assert.Equal([$"Dead letter {first} of {seed.Queue} is redriven.", $"Dead letter {third} of {seed.Queue} is redriven."], table.Lines);
        Assert.Equal(2, await seed.CountAsync(StreamNames.Calls(seed.Queue)));
        Assert.Equal(2, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
        (await scene.RunAsync("dead", "redrive", seed.Queue, $"{first}", "--json")).Fails(1, $"has no dead letter {first}");
        (await scene.RunAsync("dead", "redrive", seed.Queue, $"{foreign}")).Fails(1, "no call of ours");
    }

    [Fact]
    public async Task Delete_takes_the_named_letters_or_all_of_a_kind()
    {
        var seed = await scene.SeedAsync();
        var named = await seed.DeadAsync(DeadLetterSeed.Call());
        await seed.DeadAsync(DeadLetterSeed.Call("one"), reason: DeadReasons.Failed);
        await seed.DeadAsync(DeadLetterSeed.Call("two"), reason: DeadReasons.Failed);
        await seed.DeadAsync(DeadLetterSeed.Call("two"));

        (await scene.RunAsync("dead", "delete", seed.Queue, $"{named}")).Fails(2, "--yes");
        var one = (await scene.RunAsync("dead", "delete", seed.Queue, $"{named}", "--yes")).Succeeds();
        var failed = (await scene.RunAsync("dead", "delete", seed.Queue, "--all", "--reason", "failed", "--yes")).Succeeds();

        Assert.Equal($"1 dead letters of {seed.Queue} are gone.\n", one.Out);
        Assert.Equal($"2 dead letters of {seed.Queue}, reason failed are gone.\n", failed.Out);
        Assert.Contains("of 2 deleted\n", failed.Error, StringComparison.Ordinal);
        Assert.Equal(1, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
        (await scene.RunAsync("dead", "delete", seed.Queue, $"{named}", "--yes")).Fails(1, $"has no dead letter {named}");
        Assert.Equal("""{"deleted":1}""", (await scene.RunAsync("dead", "delete", seed.Queue, "--all", "--yes", "--json")).Json.ToJsonString());
        Assert.Equal(0, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
    }

    [Fact]
    public async Task Letters_that_are_named_are_put_back_though_nobody_reads_that_they_are()
    {
        var seed = await scene.SeedAsync();
        await seed.DeadAsync(3, i => DeadLetterSeed.Call(id: $"call-{i}"));

        await using var running = scene.Operator.Script("connectors dead redrive \"$@\" | true; exit ${PIPESTATUS[0]}", seed.Queue, "1", "2", "3");
        (await running.EndAsync()).Succeeds();

        Assert.Equal((3, 0), (await seed.CountAsync(StreamNames.Calls(seed.Queue)), await seed.CountAsync(StreamNames.Dead(seed.Queue))));
    }

    [Fact]
    public async Task Deleting_all_goes_in_parts_and_on_when_the_gateway_is_back()
    {
        var parts = 0;
        await using var gateway = await HttpLedger.StartAsync((request, http) => request.Method == "GET"
            ? http.Response.WriteAsync("""{"count":2500,"isComplete":true,"last":9}""")
            : (++parts) switch
            {
                1 => http.Response.WriteAsync("""{"deleted":1000,"next":5}"""),
                2 => RefuseAsync(http, StatusCodes.Status503ServiceUnavailable),
                3 => http.Response.WriteAsync("""{"deleted":900,"next":8}"""),
                _ => http.Response.WriteAsync("""{"deleted":400}"""),
            });

        var ran = (await scene.RunAsync("dead", "delete", "q", "--all", "--yes", "--gateway", gateway.Url.AbsoluteUri)).Succeeds();

        Assert.Equal("at least 2300 dead letters of q are gone.\n", ran.Out);
        Assert.Equal(
            new[] { 0, 5, 5, 8 }.Select(after => $"all=true&last=9&limit=1000&after={after}"), gateway.Requests.Where(request => request.Method == "DELETE").Select(request => request.Query));
    }

    [Theory]
    [InlineData("--all", StatusCodes.Status403Forbidden, "refuses (403): no more.")]
    [InlineData("1 2 3", StatusCodes.Status401Unauthorized, "wants credentials: faas-cli login stores them, or give --user and --password-file.")]
    public async Task A_deletion_that_ends_early_says_how_many_are_gone(string which, int status, string why)
    {
        var parts = 0;
        await using var gateway = await HttpLedger.StartAsync((request, http) => request.Method == "GET"
            ? http.Response.WriteAsync("""{"count":3,"isComplete":true,"last":9}""")
            : ++parts == 1 ? http.Response.WriteAsync("""{"deleted":1,"next":5}""") : RefuseAsync(http, status));

        var ran = await scene.RunAsync(["dead", "delete", "q", "--yes", "--gateway", gateway.Url.AbsoluteUri, .. which.Split(' ')]);

        Assert.Equal((1, "", 2), (ran.ExitCode, ran.Out, parts));
        Assert.EndsWith($"{why} 1 dead letters of q are gone.\n", ran.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("redrive", "connectors: 2 of 4 dead letters were refused.\n")]
    [InlineData("delete", "connectors: 2 of 4 dead letters were refused. 2 dead letters of {0} are gone.\n")]
    public async Task A_named_letter_that_is_refused_is_told_and_keeps_no_other_from_its_turn(string act, string end)
    {
        var seed = await scene.SeedAsync();
        await seed.DeadAsync(5, i => DeadLetterSeed.Call(id: $"call-{i}"));
        (await scene.RunAsync("dead", "delete", seed.Queue, "1", "4", "--yes")).Succeeds();

        var ran = await scene.RunAsync("dead", act, seed.Queue, "1", "2", "4", "3", "--yes");

        Assert.Equal(1, ran.ExitCode);
        Assert.Equal(1, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
        Assert.All(["1", "4"], seq => Assert.Matches($"(?m)^Dead letter {seq}: The gateway .* refuses \\(404\\): ", ran.Error));
        Assert.EndsWith(string.Format(CultureInfo.InvariantCulture, end, seed.Queue), ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Edit_puts_a_letter_back_as_it_is_to_be()
    {
        var seed = await scene.SeedAsync();
        await scene.Gateway.DeployAsync("mended", "cat");
        var call = DeadLetterSeed.Call() with { Headers = [new Header("X-Old", "1"), new Header("X-Stays", "2")] };
        var seq = $"{await seed.DeadAsync(call, Encoding.UTF8.GetBytes("bad"))}";
        byte[] body = [.. Enumerable.Range(0, 256).Select(b => (byte)b)];
        var file = scene.Operator.PathOf($"{seed.Queue}.body");
        await File.WriteAllBytesAsync(file, body);

        var edited = (await scene.RunAsync("dead", "edit", seed.Queue, seq, "--body", file, "--function", "mended", "-H", "X-New: a: b", "--remove-header", "x-old")).Succeeds();

        Assert.Equal($"Dead letter {seq} of {seed.Queue} is edited and redriven.\n", edited.Out);
        await using var stored = new StoredCalls(scene.Nats);
        var again = await stored.LastAsync(seed.Queue);
        Assert.Equal(body, again.Body);
        Assert.Equal("mended", again.Envelope.Function);
        Assert.Equal([new Header("X-Stays", "2"), new Header("X-New", "a: b")], again.Envelope.Headers);
        Assert.Equal(0, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
        (await scene.RunAsync("dead", "edit", seed.Queue, seq, "--function", "mended")).Fails(1, $"has no dead letter {seq}");
    }

    [Fact]
    public async Task Edit_says_what_is_wrong_and_leaves_the_letter()
    {
        var seed = await scene.SeedAsync();
        var seq = $"{await seed.DeadAsync(DeadLetterSeed.Call())}";

        (await scene.RunAsync("dead", "edit", seed.Queue, seq)).Fails(2, "--body");
        (await scene.RunAsync("dead", "edit", seed.Queue, seq, "-H", "nonsense")).Fails(2, "NAME: VALUE");
        (await scene.RunAsync("dead", "edit", seed.Queue, seq, "--body", "/no/such/file")).Fails(2, "/no/such/file");
        (await scene.RunAsync("dead", "edit", seed.Queue, seq, "--function", "nobody")).Fails(1, "there is no function nobody.openfaas-fn");

        Assert.Equal(1, await seed.CountAsync(StreamNames.Dead(seed.Queue)));
    }

    [Fact]
    public async Task A_dry_run_says_how_many_and_does_nothing()
    {
        var seed = await scene.SeedAsync();
        await seed.WaitingAsync(DeadLetterSeed.Call("one"));
        await seed.DeadAsync(1500, i => DeadLetterSeed.Call($"f{i % 3}"));
        await seed.DeadAsync(DeadLetterSeed.Call("f1"), reason: DeadReasons.Failed);

        var redrive = (await scene.RunAsync("dead", "redrive", seed.Queue, "--function", "f1", "--dry-run")).Succeeds();
        var delete = (await scene.RunAsync("dead", "delete", seed.Queue, "--all", "--reason", "failed", "--dry-run", "--json")).Json;
        var recent = (await scene.RunAsync("dead", "delete", seed.Queue, "--all", "--since", "1h", "--dry-run")).Succeeds();
        var old = (await scene.RunAsync("dead", "redrive", seed.Queue, "--until", "2020-01-01", "--dry-run")).Succeeds();
        var purge = (await scene.RunAsync("purge", seed.Queue, "--function", "one", "--dry-run")).Succeeds();

        Assert.Equal($"501 dead letters of {seed.Queue}, function f1.\n", redrive.Out);
        Assert.Equal(1, (int)delete["count"]!);
        Assert.StartsWith("1501 dead letters of ", recent.Out, StringComparison.Ordinal);
        Assert.StartsWith("0 dead letters of ", old.Out, StringComparison.Ordinal);
        Assert.Equal($"1 waiting, delayed and held calls of one in {seed.Queue}.\n", purge.Out);
        Assert.Equal((1, 1501), (await seed.CountAsync(StreamNames.Calls(seed.Queue)), await seed.CountAsync(StreamNames.Dead(seed.Queue))));
        (await scene.RunAsync("dead", "list", seed.Queue, "--since", "soon")).Fails(2, "--since: \"soon\"");
    }

    [Theory]
    [InlineData("""{"count":7,"isComplete":false,"last":9}""", "at least 7 dead letters of q, reason failed.\n")]
    [InlineData("""{"count":7,"isComplete":true,"last":9}""", "7 dead letters of q, reason failed.\n")]
    [InlineData("""{"count":7,"last":9}""", "7 dead letters of q, reason failed.\n")]
    public async Task A_dry_run_says_where_a_gateway_did_not_count_to_the_end(string counted, string words)
    {
        await using var gateway = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync(counted));

        var told = (await scene.RunAsync("dead", "delete", "q", "--all", "--reason", "failed", "--dry-run", "--gateway", gateway.Url.AbsoluteUri)).Succeeds();

        Assert.Equal(words, told.Out);
        Assert.Equal("reason=failed", Assert.Single(gateway.Requests).Query);
    }

    // A page is more than a pipe takes.
    [Theory]
    [InlineData("dead list q")]
    [InlineData("dead list q --json")]
    [InlineData("calls list --limit 100000")]
    [InlineData("calls list --limit 100000 --json")]
    public async Task A_list_ends_when_nobody_reads_it_any_more(string list)
    {
        const int Pages = 20;
        var asked = 0;
        var items = string.Join(',', Enumerable.Repeat($$"""{"seq":1,"callId":"{{new string('x', 200)}}"}""", 1000));
        await using var gateway = await HttpLedger.StartAsync((_, http) =>
            http.Response.WriteAsync($$"""{"items":[{{items}}],"next":{{(++asked == Pages ? "null" : list.StartsWith("dead", StringComparison.Ordinal) ? "1" : "\"1\"")}}}"""));

        await using var running = scene.Operator.Script("connectors \"$@\" | head -n 1; exit ${PIPESTATUS[0]}", [.. list.Split(' '), "--gateway", gateway.Url.AbsoluteUri]);
        var ran = (await running.EndAsync()).Succeeds();

        Assert.Single(ran.Lines);
        Assert.Empty(ran.Error);
        Assert.InRange(gateway.Requests.Count, 1, 2);
    }

    private static Task RefuseAsync(HttpContext http, int status)
    {
        http.Response.StatusCode = status;
        return http.Response.WriteAsync("no more.");
    }
}
