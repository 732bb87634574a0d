using Amazon.Runtime;
using Connectors.Sqs.Queues;

namespace Connectors.Sqs.Tests.Queues;

public sealed class FileCredentialsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("credentials-").FullName;

    private string File => Path.Combine(_directory, "aws");

    [Fact]
    public async Task A_file_that_comes_later_or_changes_is_read_again()
    {
        var credentials = new FileCredentials(File, "default");
        var missing = Assert.Throws<FileNotFoundException>(credentials.GetCredentials);
        Assert.Contains(File, missing.Message, StringComparison.Ordinal);

        Write("first");
        Assert.Equal("first", (await credentials.GetCredentialsAsync()).AccessKey);
        Write("second");
        Assert.Equal("second", (await credentials.GetCredentialsAsync()).AccessKey);
    }

    [Fact]
    public void A_section_that_is_missing_or_not_complete_is_named()
    {
        System.IO.File.WriteAllText(File, "[default]\naws_access_key_id = only\n");

        var fault = Assert.Throws<AmazonClientException>(new FileCredentials(File, "default").GetCredentials);

        Assert.Equal($"{File} has no complete section [default]", fault.Message);
    }

    [Fact]
    public void Keys_in_the_environment_go_before_the_file() => Assert.Null(FileCredentials.Of(File));

    [Fact]
    public void Without_a_file_the_sdk_looks_for_itself() => Assert.Null(FileCredentials.Of(""));

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private void Write(string key) => System.IO.File.WriteAllText(File, $"[default]\naws_access_key_id = {key}\naws_secret_access_key = secret\n");
}
