using Amazon.Runtime;
using Amazon.SQS;
using Amazon.SQS.Model;
using Connectors.Testing;

namespace Connectors.Sqs.Tests;

/// <summary>Whatever is wrong around the connector is told in a clear line, waited for, and needs no restart once it is mended.</summary>
public class TroubleTests(QueueServer server)
{
    [Fact]
    public async Task A_queue_missing_in_the_region_of_its_address_is_found_once_it_is_there()
    {
        const string url = "https://sqs.eu-west-3.amazonaws.com/000000000000/late";
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("late", "receiver"));
        await using var connector = await StartAsync(gateway, url, new() { ["AWS_ENDPOINT_URL_SQS"] = server.Server.Url.AbsoluteUri });
        await IsToldAsync(connector, "missing_queue", "there is no queue https://sqs.eu-west-3.amazonaws.com/000000000000/late in region eu-west-3");
        Assert.Equal(0, await connector.MetricAsync("""sqs_connector_queue_readable{queue="late"}"""));
        Assert.Equal(0, await connector.MetricAsync("""sqs_connector_expired_receipts_total{queue="late"}"""));

        using var client = new AmazonSQSClient(
            new BasicAWSCredentials(Credentials.Key, Credentials.Secret),
            new AmazonSQSConfig { ServiceURL = server.Server.Url.AbsoluteUri, AuthenticationRegion = "eu-west-3" });
        await client.CreateQueueAsync("late");
        await client.SendMessageAsync(url, "at last");

        await gateway.ReceivesAsync(1);
        await connector.IsReadyAsync();
    }

    [Fact]
    public async Task A_queue_that_no_function_wants_is_no_trouble()
    {
        var queue = await server.CreateAsync("unwanted");
        await using var gateway = await GatewayServer.StartAsync();
        await using var connector = await StartAsync(gateway, server.Url(queue), []);
        await connector.IsReadyAsync();

        Assert.Equal(1, await connector.MetricAsync($$"""sqs_connector_queue_readable{queue="{{queue}}"}"""));
    }

    [Fact]
    public async Task Credentials_that_come_later_are_found()
    {
        var queue = await server.CreateAsync("credentials");
        var file = Path.Combine(Directory.CreateTempSubdirectory("sqs-").FullName, "credentials");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await StartAsync(gateway, server.Url(queue), new()
        {
            ["AWS_SHARED_CREDENTIALS_FILE"] = file,
            ["AWS_ACCESS_KEY_ID"] = "",
            ["AWS_SECRET_ACCESS_KEY"] = "",
        });
        await IsToldAsync(connector, "credentials", "no credentials");

        await File.WriteAllTextAsync(file, $"[default]\naws_access_key_id = {Credentials.Key}\naws_secret_access_key = {Credentials.Secret}\n");
        await server.SendAsync(queue, "x");

        await gateway.ReceivesAsync(1);
        await connector.IsReadyAsync();
    }

    [Fact]
    public async Task Wishes_for_other_endpoints_do_not_touch_the_one_that_is_given()
    {
        var queue = await server.CreateAsync("fips");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await StartAsync(gateway, server.Url(queue), new() { ["AWS_USE_FIPS_ENDPOINT"] = "true", ["AWS_USE_DUALSTACK_ENDPOINT"] = "true" });

        await server.SendAsync(queue, "x");

        await gateway.ReceivesAsync(1);
        await server.IsEmptyAsync(queue);
    }

    [Theory]
    [InlineData("RequestThrottled", "throttled")]
    [InlineData("AccessDenied", "denied")]
    [InlineData("InvalidClientTokenId", "credentials")]
    public async Task Refusals_are_waited_out(string error, string kind)
    {
        var queue = await server.CreateAsync("refusals");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        proxy.Instead = (_, _) => QueueProxy.Error(error);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await using var connector = await StartAsync(gateway, server.Url(queue), new() { ["AWS_ENDPOINT_URL_SQS"] = proxy.Url.AbsoluteUri });
        await server.SendAsync(queue, "x");
        await IsToldAsync(connector, kind, "said the proxy");
        Assert.Empty(gateway.Calls);

        proxy.Instead = (_, _) => null;

        await gateway.ReceivesAsync(1);
        await server.IsEmptyAsync(queue);
    }

    // A fault of a moment meets all the polls of a busy queue.
    [Fact]
    public async Task Receives_that_fail_side_by_side_are_one_failure_and_waited_for_once()
    {
        const int polls = 10;
        const int tries = 3;
        const int before = 40;
        const int messages = 100;
        var queue = await server.CreateAsync("blip");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        var (gate, receives, refusals) = (new TaskCompletionSource(), 0, polls * tries);
        proxy.Hold = operation => operation == "ReceiveMessage" && Interlocked.Increment(ref receives) > before ? gate.Task : Task.CompletedTask;
        proxy.Instead = (operation, _) =>
            operation == "ReceiveMessage" && gate.Task.IsCompleted && Interlocked.Decrement(ref refusals) >= 0 ? QueueProxy.Error("AccessDenied") : null;
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await server.SendAsync(queue, Enumerable.Range(0, messages).Select(i => ($"{i}", (string?)null)));
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri), ("max_messages", "1"));
        await Eventually.HoldsAsync(() => proxy.Requests("ReceiveMessage").Count() >= before + polls, "all polls are under way");

        gate.SetResult();
        await server.IsEmptyAsync(queue);

        Assert.True(Volatile.Read(ref refusals) <= 0, "all were refused");
        Assert.Equal(1, await connector.MetricAsync($$"""sqs_connector_failures_total{queue="{{queue}}",operation="receive",kind="denied"}"""));
        Assert.Equal(messages, gateway.Calls.Count);
    }

    [Fact]
    public async Task While_deletions_are_refused_nothing_more_is_received_than_is_held_and_afterwards_all_is_deleted()
    {
        const int messages = 1_000;
        var queue = await server.CreateAsync("undeleted");
        await using var proxy = await QueueProxy.StartAsync(server.Server.Url);
        proxy.Instead = (operation, _) => operation == "DeleteMessageBatch" ? QueueProxy.Error("AccessDenied") : null;
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        await server.SendAsync(queue, Enumerable.Range(0, messages).Select(i => ($"{i}", (string?)null)));
        await using var connector = await Running.StartAsync(
            gateway, ("queue_url", server.Url(queue)), ("AWS_ENDPOINT_URL_SQS", proxy.Url.AbsoluteUri), ("visibility_timeout", "1h"));

        await connector.SaysAsync("nothing more is received until it is");

        // Those that wait, as many as could run when the last was received, and of each poll that was on its way the message it asks for without a slot.
        Assert.InRange(gateway.Calls.Count, 300, 450);
        Assert.Equal(0, await connector.MetricAsync($$"""sqs_connector_queue_readable{queue="{{queue}}"}"""));
        using var http = new HttpClient(new SocketsHttpHandler());
        Assert.Contains($"queue {queue}: what is done cannot be deleted", await (await http.GetAsync(new Uri(connector.Metrics, "/readyz"))).Content.ReadAsStringAsync(), StringComparison.Ordinal);

        proxy.Instead = (_, _) => null;

        await server.IsEmptyAsync(queue);
        await connector.IsReadyAsync();
        Assert.Equal(messages, gateway.Calls.Select(call => call.Text).Distinct().Count());
        Assert.Equal(messages, gateway.Calls.Count);
    }

    [Fact]
    public async Task A_server_that_goes_away_and_comes_back_is_read_again()
    {
        await using var own = await SqsServer.StartAsync();
        using var client = new AmazonSQSClient(
            new BasicAWSCredentials(Credentials.Key, Credentials.Secret),
            new AmazonSQSConfig { ServiceURL = own.Url.AbsoluteUri, AuthenticationRegion = SqsServer.Region });
        await client.CreateQueueAsync("restart");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("restart", "receiver"));
        await using var connector = await StartAsync(gateway, own.QueueUrl("restart"));
        await client.SendMessageAsync(own.QueueUrl("restart"), "before");
        await gateway.ReceivesAsync(1);

        await own.KillAsync();
        await IsToldAsync(connector, "unreachable", "cannot reach " + own.Url);
        await own.StartAgainAsync();
        await client.CreateQueueAsync("restart");
        await client.SendMessageAsync(own.QueueUrl("restart"), "after");

        await gateway.ReceivesAsync(1, call => call.Text == "after");
    }

    [Fact]
    public async Task On_sigterm_it_finishes_what_runs_deletes_it_and_gives_the_rest_back()
    {
        var queue = await server.CreateAsync("drain");
        var ledger = new Ledger((_, _) => false) { Gate = new() };
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(queue, "receiver"));
        gateway.Answer = ledger.AnswerAsync;
        await server.SendAsync(queue, Enumerable.Range(0, 5).Select(i => ($"{i}", (string?)null)));
        await using var connector = await StartAsync(gateway, server.Url(queue), new() { ["max_inflight"] = "3", ["visibility_timeout"] = "10m" });
        await gateway.ReceivesAsync(3);

        var exit = connector.TerminateAsync();
        await connector.Process.LineAsync(line => line.Contains("Draining", StringComparison.Ordinal), "it drains");
        ledger.Gate.SetResult();

        Assert.Equal(0, await exit);
        Assert.Equal(3, ledger.Taken.Count);
        Assert.Equal((2, 0), await server.CountAsync(queue));
    }

    [Fact]
    public async Task Bad_options_end_it_with_2_and_every_fault_named()
    {
        var (exitCode, output) = await ServiceProcess.RunAsync(
            "SqsConnector", new Dictionary<string, string> { ["queue_url"] = "nonsense", ["wait_time"] = "1m" }, "--max-messages=99");

        Assert.Equal(2, exitCode);
        Assert.Contains("queue_url: \"nonsense\"", output, StringComparison.Ordinal);
        Assert.Contains("wait_time: \"1m\"", output, StringComparison.Ordinal);
        Assert.Contains("max_messages: \"99\"", output, StringComparison.Ordinal);
    }

    private static Task<ServiceProcess> StartAsync(GatewayServer gateway, string queueUrl, Dictionary<string, string>? with = null) =>
        ServiceProcess.StartAsync("SqsConnector", ConnectorProcess.Environment(gateway, queueUrl, with), ready: false);

    private static async Task IsToldAsync(ServiceProcess connector, string kind, string text) => await connector.Process.LineAsync(
        line => line.Contains("Receive failed", StringComparison.Ordinal) && line.Contains($"\"kind\":\"{kind}\"", StringComparison.Ordinal)
            && line.Contains(text, StringComparison.Ordinal),
        $"{kind} is told");
}
