using Amazon.Runtime;
using Amazon.Runtime.CredentialManagement;

namespace Connectors.Sqs.Queues;

/// <summary>
/// Credentials of an ini file, read again whenever it changes. The SDK's own chain looks for the file once: one that is missing at start, or a key that
/// is rotated in it, would need a restart.
/// </summary>
internal sealed class FileCredentials(string path, string profile) : AWSCredentials
{
    // Guards the two below, which belong together.
    private readonly Lock _gate = new();
    private string _text = "";
    private AWSCredentials? _current;

    /// <summary>Null if the file is not to be used: none is named, or the environment holds keys, which go before it.</summary>
    public static FileCredentials? Of(string path) =>
        path.Length == 0 || Environment.GetEnvironmentVariable("AWS_ACCESS_KEY_ID") is { Length: > 0 }
            ? null
            : new FileCredentials(path, Environment.GetEnvironmentVariable("AWS_PROFILE") is { Length: > 0 } profile ? profile : "default");

    public override ImmutableCredentials GetCredentials() => Current().GetCredentials();

    public override Task<ImmutableCredentials> GetCredentialsAsync() => Current().GetCredentialsAsync();

    private AWSCredentials Current()
    {
        lock (_gate)
        {
            var text = File.ReadAllText(path);
            if (_current is null || text != _text)
            {
                (_text, _current) = (text, Parse());
            }

            return _current;
        }
    }

    private AWSCredentials Parse() =>
        new CredentialProfileStoreChain(path).TryGetAWSCredentials(profile, out var credentials)
            ? credentials
            : throw new AmazonClientException($"{path} has no complete section [{profile}]");
}
