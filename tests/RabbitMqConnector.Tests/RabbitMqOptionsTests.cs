using Connectors.RabbitMq.Broker;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Testing;

namespace Connectors.RabbitMq.Tests;

public class RabbitMqOptionsTests
{
    [Fact]
    public void Unset_options_are_those_of_the_openfaas_chart()
    {
        var options = Running.Options(("queues", "orders"));

        Assert.Equal("amqp://rabbitmq:5672", options.Broker.Address);
        Assert.Equal(TimeSpan.FromMinutes(2), options.Connector.UpstreamTimeout);
        Assert.Equal(TimeSpan.FromSeconds(30), options.Connector.RebuildInterval);
        Assert.Equal(("text/plain", true, false), (options.Connector.ContentType, options.Connector.BasicAuth, options.Connector.Asynchronous));
        Assert.Equal("http://gateway.openfaas:8080/", options.Connector.GatewayUrl.AbsoluteUri);
        Assert.Equal((OnFailure.DeadLetter, "orders.dead"), (options.Failure.OnFailure, options.Failure.DeadLetterQueueOf("orders")));
        Assert.Equal((100, TimeSpan.FromMinutes(25), true), (options.Prefetch, options.LongestHold, options.DeclareQueues));
    }

    [Fact]
    public void The_list_of_the_openfaas_chart_is_taken()
    {
        var options = Running.Options(("queues", """[{"name":"queue1","durable":true},{"name":"b","nowait":true,"autodelete":true,"exclusive":true,"durable":false}]"""));

        Assert.Equal([new QueueSpec("queue1"), new QueueSpec("b", Durable: false, NoWait: true, AutoDelete: true, Exclusive: true)], options.Queues);
    }

    [Fact]
    public void Its_flags_are_taken()
    {
        using var folder = new Folder();
        File.WriteAllText(folder.File("username"), "app\n");
        File.WriteAllText(folder.File("password"), "s3cret\n");
        var certificates = new TestCertificates(folder.Path);
        var settings = Settings.FromProcess([
            "--rabbitmq-url=amqps://broker/a%2Fb", "--queues=a, b", $"-username-file={folder.File("username")}", $"-password-file={folder.File("password")}",
            $"-ca-file={certificates.Authority}", $"-cert-file={certificates.Certificate("client")}", $"-key-file={certificates.Key("client")}"]);

        var options = RabbitMqOptions.Read(settings);

        Assert.Empty(settings.Errors);
        var factory = options.Broker.Factory("test");
        Assert.Equal(("broker", 5671, "a/b", "app", "s3cret"), (factory.HostName, factory.Port, factory.VirtualHost, factory.UserName, factory.Password));
        Assert.Equal(["a", "b"], options.Queues.Select(q => q.Name));
    }

    [Theory]
    [InlineData("amqp://host", "host", 5672, "/", "guest", "guest")]
    [InlineData("amqp://host/", "host", 5672, "/", "guest", "guest")]
    [InlineData("amqps://host", "host", 5671, "/", "guest", "guest")]
    [InlineData("amqp://u%40x:p%2Fw@host:1/v", "host", 1, "v", "u@x", "p/w")]
    [InlineData("amqp://[::1]:5673/%2F", "::1", 5673, "/", "guest", "guest")]
    public void An_address_says_where_and_as_whom(string url, string host, int port, string vhost, string user, string password)
    {
        var factory = Running.Options(("queues", "orders"), ("rabbitmq_url", url)).Broker.Factory("test");

        Assert.Equal((host, port, vhost, user, password), (factory.HostName, factory.Port, factory.VirtualHost, factory.UserName, factory.Password));
    }

    [Theory]
    [InlineData("queues", "")]
    [InlineData("queues", ",")]
    [InlineData("queues", "[]")]
    [InlineData("queues", "[{}]")]
    [InlineData("queues", "[null]")]
    [InlineData("queues", "[{\"name\":null}]")]
    [InlineData("queues", "[{\"name\":\"\"}]")]
    [InlineData("queues", "[{\"name\":\"a\",\"durabel\":true}]")]
    [InlineData("queues", "[{\"name\":\"a\",\"durable\":\"yes\"}]")]
    [InlineData("queues", "[\"a\"]")]
    [InlineData("queues", "[{\"name\":\"a\"}")]
    [InlineData("queues", "a,b,a")]
    [InlineData("rabbitmq_url", "http://rabbitmq:5672")]
    [InlineData("rabbitmq_url", "rabbitmq:5672")]
    [InlineData("rabbitmq_url", "amqp://")]
    [InlineData("rabbitmq_url", "amqp://host/a/b")]
    [InlineData("rabbitmq_url", "amqp://host/a?heartbeat=10")]
    [InlineData("rabbitmq_url", "amqp://host:port")]
    [InlineData("username_file", "/nowhere/username")]
    [InlineData("ca_file", "/nowhere/ca.pem")]
    [InlineData("declare_queues", "maybe")]
    [InlineData("prefetch", "0")]
    [InlineData("prefetch", "65536")]
    [InlineData("max_inflight", "0")]
    [InlineData("max_hold", "0s")]
    [InlineData("max_hold", "25 min")]
    [InlineData("max_retry_attempts", "0")]
    [InlineData("max_retry_wait", "10ms")]
    [InlineData("retry_http_codes", "200")]
    [InlineData("on_failure", "block")]
    [InlineData("dead_letter_queue", "{queue}")]
    [InlineData("dead_letter_queue", "orders")]
    [InlineData("upstream_timeout", "0s")]
    public void A_bad_value_is_refused_by_its_name(string name, string value)
    {
        var settings = new Settings(new Dictionary<string, string> { ["queues"] = "orders", [name] = value });

        _ = RabbitMqOptions.Read(settings);

        Assert.Contains(settings.Errors, error => error.StartsWith(name + ": ", StringComparison.Ordinal));
    }

    [Fact]
    public void An_exclusive_queue_cannot_be_waited_for()
    {
        var settings = new Settings(new Dictionary<string, string> { ["queues"] = """[{"name":"a","exclusive":true}]""", ["declare_queues"] = "false" });

        _ = RabbitMqOptions.Read(settings);

        Assert.StartsWith("declare_queues: ", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }

    // The address is shown without the password, and so without the character that is wrong.
    [Theory]
    [InlineData('#')]
    [InlineData('/')]
    [InlineData('?')]
    public void A_password_with_a_character_that_an_address_cannot_have_is_refused_with_the_way_to_write_it(char special)
    {
        var settings = new Settings(new Dictionary<string, string> { ["queues"] = "orders", ["rabbitmq_url"] = $"amqp://app:s3{special}cret@host:5672/a" });

        _ = RabbitMqOptions.Read(settings);

        var told = Assert.Single(settings.Errors);
        Assert.StartsWith("rabbitmq_url: ", told, StringComparison.Ordinal);
        Assert.Contains("%23 for #", told, StringComparison.Ordinal);
        Assert.Contains("password_file", told, StringComparison.Ordinal);
        Assert.DoesNotContain("cret", told, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_longer_than_rabbitmq_takes_is_refused()
    {
        var settings = new Settings(new Dictionary<string, string> { ["queues"] = new string('ü', 128) });

        _ = RabbitMqOptions.Read(settings);

        Assert.Contains("255 bytes", Assert.Single(settings.Errors, e => e.StartsWith("queues: ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("username_file", "password_file")]
    [InlineData("password_file", "username_file")]
    [InlineData("cert_file", "key_file")]
    [InlineData("key_file", "cert_file")]
    public void Half_of_a_pair_is_refused_by_the_other_half(string given, string missing)
    {
        using var folder = new Folder();
        var certificates = new TestCertificates(folder.Path);
        var file = given == "key_file" ? certificates.Key("client") : certificates.Certificate("client");
        var settings = new Settings(new Dictionary<string, string> { ["queues"] = "orders", ["rabbitmq_url"] = "amqps://host", [given] = file });

        _ = RabbitMqOptions.Read(settings);

        Assert.Contains(settings.Errors, error => error.StartsWith(missing + ": ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ca_file")]
    [InlineData("cert_file")]
    public void A_file_that_is_no_certificate_is_refused(string name)
    {
        using var folder = new Folder();
        var certificates = new TestCertificates(folder.Path);
        File.WriteAllText(folder.File("odd"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        var settings = new Settings(new Dictionary<string, string>
        {
            ["queues"] = "orders",
            ["rabbitmq_url"] = "amqps://host",
            ["key_file"] = certificates.Key("client"),
            ["cert_file"] = certificates.Certificate("client"),
            [name] = folder.File("odd"),
        });

        _ = RabbitMqOptions.Read(settings);

        Assert.StartsWith(name + ": ", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Certificates_for_an_address_without_tls_are_refused()
    {
        using var folder = new Folder();
        var settings = new Settings(new Dictionary<string, string> { ["queues"] = "orders", ["ca_file"] = new TestCertificates(folder.Path).Authority });

        _ = RabbitMqOptions.Read(settings);

        Assert.StartsWith("rabbitmq_url: ", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bad_option_ends_the_process_with_2_and_a_password_in_an_address_is_shown_nowhere()
    {
        var bad = await ServiceProcess.RunAsync("RabbitMqConnector", new Dictionary<string, string> { ["rabbitmq_url"] = "amqp://app:s3cret@host/a/b" });
        var good = await ServiceProcess.RunAsync(
            "RabbitMqConnector", new Dictionary<string, string> { ["rabbitmq_url"] = "amqp://app:s3cret@host/a", ["queues"] = "orders" }, "--print-config");
        var help = await ServiceProcess.RunAsync("RabbitMqConnector", new Dictionary<string, string>(), "--help");

        Assert.Equal(2, bad.ExitCode);
        Assert.Contains("rabbitmq_url: \"amqp://***@host/a/b\" is not valid", bad.Output, StringComparison.Ordinal);
        Assert.Contains("queues: is not set", bad.Output, StringComparison.Ordinal);
        Assert.Equal(0, good.ExitCode);
        Assert.Contains("rabbitmq_url=amqp://***@host/a", good.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", bad.Output + good.Output, StringComparison.Ordinal);
        Assert.Equal(0, help.ExitCode);
        Assert.Contains("dead_letter_queue (default {queue}.dead)", help.Output, StringComparison.Ordinal);
    }

    private sealed class Folder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("rabbitmq-options-").FullName;

        public string File(string name) => System.IO.Path.Combine(Path, name);

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
