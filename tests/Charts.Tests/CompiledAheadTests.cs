using System.Reflection.PortableExecutable;
using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>A Release build leaves machine code beside the IL of programs, of our libraries and of packages, so that a start need not compile them.</summary>
public class CompiledAheadTests
{
    [Theory]
    [InlineData("Gateway", "NATS.Client.Core.dll")]
    [InlineData("QueueWorker", "NATS.Client.Core.dll")]
    [InlineData("CronConnector", "Cronos.dll")]
    [InlineData("KafkaConnector", "Confluent.Kafka.dll")]
    [InlineData("SqsConnector", "AWSSDK.SQS.dll")]
    [InlineData("RabbitMqConnector", "RabbitMQ.Client.dll")]
    public void A_program_s_folder_holds_machine_code(string program, string package)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && AppContext.BaseDirectory.TrimEnd('/').EndsWith("/release", StringComparison.Ordinal), "only a Release build on Linux");
        var folder = Path.GetDirectoryName(ServiceProcess.Assembly(program))!;

        Assert.All([program + ".dll", "Connectors.Sdk.dll", package], assembly => Assert.True(HoldsMachineCode(Path.Combine(folder, assembly)), $"{assembly} holds IL alone"));
    }

    private static bool HoldsMachineCode(string assembly)
    {
        using var image = new PEReader(File.OpenRead(assembly));
        return image.PEHeaders.CorHeader?.ManagedNativeHeaderDirectory.Size > 0;
    }
}
