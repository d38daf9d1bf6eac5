import java.util.Map;
import javax.security.sasl.AuthenticationException;
import org.apache.hive.service.auth.PasswdAuthenticationProvider;

/** HiveServer2's CUSTOM authentication for tests: two accounts, the keeper of the tables and a reader. */
public class PasswordCheck implements PasswdAuthenticationProvider {
  private static final Map<String, String> PASSWORDS = Map.of("keeper", "keeps", "reader", "reads");

  @Override
  public void Authenticate(String user, String password) throws AuthenticationException {
    if (!password.equals(PASSWORDS.get(user))) {
      throw new AuthenticationException("refused: " + user);
    }
  }
}
