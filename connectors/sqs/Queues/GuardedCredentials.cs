using Amazon.Runtime;
using Amazon.Runtime.Credentials;

namespace Connectors.Sqs.Queues;

/// <summary>
/// The credentials of a file, or else of the SDK's own chain. Where they are got the SDK throws what it also throws for a queue: here it becomes one exception,
/// so that nobody has to tell the two apart by their words.
/// </summary>
/// <param name="file">The file's; null for the SDK's chain, which is walked again as long as it finds none.</param>
internal sealed class GuardedCredentials(FileCredentials? file) : AWSCredentials
{
    public override ImmutableCredentials GetCredentials()
    {
        try
        {
            return (file ?? DefaultAWSCredentialsIdentityResolver.GetCredentials()).GetCredentials();
        }
        catch (Exception fault)
        {
            throw new CredentialsException(fault);
        }
    }

    public override async Task<ImmutableCredentials> GetCredentialsAsync()
    {
        try
        {
            return await (file ?? await DefaultAWSCredentialsIdentityResolver.GetCredentialsAsync()).GetCredentialsAsync();
        }
        catch (Exception fault)
        {
            throw new CredentialsException(fault);
        }
    }
}

/// <summary>There are no credentials, for the reason inside.</summary>
internal sealed class CredentialsException(Exception why) : AmazonClientException(why.Message, why);
